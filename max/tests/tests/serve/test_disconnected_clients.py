"""A client that goes away, or reads slowly, against a running server."""

# build: size = "medium"

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.serve.scripted_model import MODEL_NAME
from tests.serve.server_process import ServerProcess

# Without cancellation the pages would be held for many seconds, until "forever" is over.
FREE_WITHIN_S = 5


def ask(server: ServerProcess, prompt: str) -> str:
    body = {"model": MODEL_NAME, "prompt": prompt}
    response = server.client.post("/v1/completions", json=body)
    return str(response.json()["choices"][0]["text"])


def send_request(server: ServerProcess, *, stream: bool) -> socket.socket:
    """Asks for an answer that takes long, and leaves the reading to the caller."""
    address = urlsplit(server.url)
    body = json.dumps({"model": MODEL_NAME, "prompt": "forever", "stream": stream, "n": 2})
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    connection.sendall(
        f"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        f"{body}".encode()
    )
    return connection


def wait_for_pages(server: ServerProcess, *, held: bool) -> None:
    """Asks the worker until other requests hold pages, or hold none."""
    deadline = time.monotonic() + FREE_WITHIN_S
    while (ask(server, "pages") != "000") != held:
        assert time.monotonic() < deadline, f"pages are {'free' if held else 'held'} all the time"


@pytest.mark.parametrize("stream", [True, False])
def test_pages_of_a_client_that_left_come_back(server: ServerProcess, stream: bool) -> None:
    with send_request(server, stream=stream):
        wait_for_pages(server, held=True)

    wait_for_pages(server, held=False)


def test_client_that_does_not_read_holds_nobody_up(server: ServerProcess) -> None:
    with send_request(server, stream=True):
        wait_for_pages(server, held=True)

        assert ask(server, "hello") == "hello"

    wait_for_pages(server, held=False)
