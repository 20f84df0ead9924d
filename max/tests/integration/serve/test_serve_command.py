"""`serve` as a command: what it prints, how it fails, how it ends."""

# build: size = "medium"

from __future__ import annotations

import shutil
import signal
import socket
from pathlib import Path

import pytest

from integration.serve.conftest import SERVE_DEMO
from max.demo import model_path
from tests.serve.server_process import ServerProcess, ready, started


def run_to_failure(command: list[str], folder: Path, **environment: str) -> str:
    """What a server that cannot start prints to standard error."""
    with started(command, folder, environment) as server:
        assert server.wait() == 1
    return server.output


def test_first_line_tells_the_address(server: ServerProcess) -> None:
    # The fixture waited for "Server ready on URL (Press CTRL+C to quit)".
    assert server.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with ready(SERVE_DEMO, tmp_path) as running:
        workers = running.workers()
        running.signal(number)

        assert running.wait() == 0
        assert not any(worker.is_running() for worker in workers)
        assert "Traceback" not in running.output


def test_signal_while_loading_ends_it_cleanly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with started(SERVE_DEMO, tmp_path, {"MAX_SERVE_PORT": str(port)}) as running:
        wait_until_it_listens(running, port)
        running.signal(signal.SIGTERM)

        assert running.wait() == 0
        assert "Traceback" not in running.output


def wait_until_it_listens(running: ServerProcess, port: int) -> None:
    while running.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return
    raise AssertionError(f"The server ended before it listened:\n{running.output}")


def test_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        output = run_to_failure(SERVE_DEMO, tmp_path, MAX_SERVE_PORT=port)

    assert f"127.0.0.1:{port}: the port is already in use" in output
    assert "memory plan" not in output
    assert "Traceback" not in output


def test_truncated_weights_are_told_once(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(model_path(), model)
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])

    command = ["max.entrypoints.pipelines", "serve", "--model", str(model)]
    output = run_to_failure([*command, "--quantization-encoding", "float32"], tmp_path / "server")

    assert output.count("model.safetensors") == 1
    assert "Traceback" not in output


def test_model_that_is_not_there(tmp_path: Path) -> None:
    command = ["max.entrypoints.pipelines", "serve", "--model", str(tmp_path / "nothing")]

    output = run_to_failure(command, tmp_path / "server")

    assert "nothing" in output
    assert "Traceback" not in output
