"""A server with more requests than it can run, requests that last too long, and none at all."""

# build: size = "medium"

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.serve.scripted_model import MODEL_NAME
from tests.serve.server_process import ServerProcess, ready

# What `make_plan` of the scripted model allows.
MAX_BATCH_SIZE = 64
REQUEST_TIMEOUT_S = 3
IDLE_S = 3.0
FREE_WITHIN_S = 5


@pytest.fixture(scope="module")
def server(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that lets one request wait, and none last for long."""
    environment = {
        "MAX_SERVE_MAX_QUEUE_SIZE": "1",
        "MAX_SERVE_REQUEST_TIMEOUT": str(REQUEST_TIMEOUT_S),
    }
    command = ["tests.serve.scripted_server", str(model_folder)]
    with ready(command, tmp_path_factory.mktemp("busy"), environment) as server:
        yield server


def complete(server: ServerProcess, prompt: str, **fields: object) -> httpx.Response:
    body = {"model": MODEL_NAME, "prompt": prompt} | fields
    return server.client.post("/v1/completions", json=body)


@contextmanager
def streamed(server: ServerProcess, prompt: str, **fields: object) -> Iterator[Iterator[str]]:
    """A stream's lines, once it has begun."""
    body = {"model": MODEL_NAME, "prompt": prompt, "stream": True} | fields
    with server.client.stream("POST", "/v1/completions", json=body) as response:
        assert response.status_code == 200
        yield (line for line in response.iter_lines() if line)


def wait_until_free(server: ServerProcess) -> None:
    """Until there is room in the queue, and no request but the one that asks holds pages."""
    deadline = time.monotonic() + FREE_WITHIN_S
    while True:
        response = complete(server, "pages")
        if response.status_code == 200 and response.json()["choices"][0]["text"] == "000":
            return
        assert time.monotonic() < deadline, f"pages are held all the time: {response.json()}"


def test_full_queue_is_told_before_the_answer_begins(server: ServerProcess) -> None:
    with streamed(server, "forever", n=MAX_BATCH_SIZE) as running, streamed(server, "forever"):
        next(running)

        refused = [complete(server, "hello", stream=stream) for stream in (True, False)]

    for response in refused:
        assert response.status_code == 429
        assert 1 <= int(response.headers["retry-after"]) <= 60
        error = response.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "queue_full")
        assert "--max-queue-size" in error["message"]
    wait_until_free(server)
    assert complete(server, "hello").status_code == 200


def test_stream_that_lasts_too_long_ends_with_an_error(server: ServerProcess) -> None:
    with streamed(server, "forever") as lines:
        *_, last = lines

    error = json.loads(last.removeprefix("data: "))["error"]
    assert error["code"] == "request_timeout"
    assert "--request-timeout" in error["message"]
    wait_until_free(server)


def test_answer_that_lasts_too_long_is_an_error(server: ServerProcess) -> None:
    response = complete(server, "forever")

    assert response.status_code == 504
    assert response.json()["error"]["code"] == "request_timeout"
    wait_until_free(server)


def test_idle_server_uses_no_cpu(server: ServerProcess) -> None:
    """Both processes together take less than 1 % of a core."""
    assert complete(server, "hello").status_code == 200
    before, began = server.cpu_seconds(), time.monotonic()
    # Not a wait for something: the time over which nothing shall happen.
    time.sleep(IDLE_S)
    used, lasted = server.cpu_seconds() - before, time.monotonic() - began

    assert used < 0.01 * lasted
