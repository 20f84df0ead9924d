"""Tests of `max.serve.server`: the processes, from start to exit code."""

# build: size = "medium"

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.serve.scripted_model import MODEL_NAME
from tests.serve.server_process import EXIT_TIMEOUT_S, ServerProcess, ready, started

MODULE = "tests.serve.scripted_server"


_IMPORTED = """
import sys, max.serve.server
print(sorted({"starlette", "uvicorn", "zmq", "max.serve.app"} & sys.modules.keys()))
"""


def scripted(
    model_folder: Path, tmp_path: Path, **environment: str
) -> AbstractContextManager[ServerProcess]:
    return ready([MODULE, str(model_folder)], tmp_path / "server", environment)


def complete(server: ServerProcess, prompt: str, **fields: object) -> httpx.Response:
    body = {"model": MODEL_NAME, "prompt": prompt} | fields
    return server.client.post("/v1/completions", json=body)


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=EXIT_TIMEOUT_S)
    assert not alive, f"still running: {alive}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_both_processes_with_exit_code_0(
    model_folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with scripted(model_folder, tmp_path) as server:
        workers = server.workers()
        assert len(workers) == 1

        server.signal(number)

        assert server.wait() == 0
        assert_gone(workers)
        assert server.output == ""


def test_signal_to_the_whole_group_is_like_ctrl_c_in_a_terminal(
    model_folder: Path, tmp_path: Path
) -> None:
    with scripted(model_folder, tmp_path) as server:
        workers = server.workers()
        for process in (*workers, psutil.Process(server.process.pid)):
            process.send_signal(signal.SIGINT)

        assert server.wait() == 0
        assert_gone(workers)
        assert server.output == ""


def test_running_request_is_finished_after_a_signal(model_folder: Path, tmp_path: Path) -> None:
    body = {"model": MODEL_NAME, "prompt": "forever", "max_tokens": 20_000, "stream": True}
    with scripted(model_folder, tmp_path) as server:
        with server.client.stream("POST", "/v1/completions", json=body) as response:
            lines = response.iter_lines()
            next(lines)
            server.signal(signal.SIGTERM)
            # The socket stays open meanwhile, so that whoever asks is told.
            while (health := server.client.get("/health")).status_code == 200:
                continue
            assert health.json()["phase"] == "draining"
            refused = complete(server, "hello")
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "shutting_down"
            rest = [line for line in lines if line]

        assert rest[-1] == "data: [DONE]"
        assert json.loads(rest[-2].removeprefix("data: "))["choices"][0]["finish_reason"] == (
            "length"
        )
        assert server.wait() == 0


@pytest.mark.parametrize("second", [True, False])
def test_request_that_lasts_too_long_is_ended_with_an_error(
    model_folder: Path, tmp_path: Path, second: bool
) -> None:
    """By the shutdown timeout, or at once by a second signal."""
    body = {"model": MODEL_NAME, "prompt": "forever", "stream": True}
    timeout = "600" if second else "0.1"
    with scripted(model_folder, tmp_path, MAX_SERVE_SHUTDOWN_TIMEOUT=timeout) as server:
        with server.client.stream("POST", "/v1/completions", json=body) as response:
            lines = response.iter_lines()
            next(lines)
            server.signal(signal.SIGINT)
            assert server.process.stdout is not None
            assert server.process.stdout.readline().startswith("Finishing 1 running requests")
            if second:
                server.signal(signal.SIGINT)
            rest = [line for line in lines if line]

        assert json.loads(rest[-1].removeprefix("data: "))["error"]["code"] == "shutting_down"
        assert server.wait() == 0


def test_worker_does_not_outlive_a_killed_server(model_folder: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    with scripted(model_folder, tmp_path, TMPDIR=str(temporary)) as server:
        workers = server.workers()
        assert list(temporary.iterdir())

        server.process.kill()

        assert_gone(workers)
        assert not list(temporary.iterdir()), "sockets are left behind"


def test_port_in_use_is_told_before_the_model_is_loaded(model_folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        environment = {"MAX_SERVE_PORT": str(port)}
        # The model would fail to load, so loading it first would give another message.
        command = [MODULE, str(model_folder), "worker", "the model was loaded"]
        with started(command, tmp_path / "server", environment) as server:
            assert server.wait() == 1

        assert f"127.0.0.1:{port}: the port is already in use" in server.output
        assert "--port" in server.output
        assert "the model was loaded" not in server.output
        assert "Traceback" not in server.output


def test_failure_to_load_is_shown_once_as_itself(model_folder: Path, tmp_path: Path) -> None:
    message = "weight model.norm.weight has the wrong shape"
    command = [MODULE, str(model_folder), "worker", message]
    with started(command, tmp_path / "server") as server:
        assert server.wait() == 1

    expected = f"RuntimeError: {message}"
    assert server.output.count(expected) == 1
    assert server.output.count("Traceback") == 1
    assert "fail_to_load" in server.output


def test_failure_to_find_the_model_is_raised_to_the_caller(
    model_folder: Path, tmp_path: Path
) -> None:
    command = [MODULE, str(model_folder), "retrieve", "no config.json"]
    with started(command, tmp_path / "server") as server:
        assert server.wait() == 1

    assert server.output.splitlines()[-1] == "FileNotFoundError: no config.json"
    assert server.output.count("Traceback") == 1


def test_the_worker_begins_before_the_server_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORTED], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
