"""Servers that are started and stopped."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import psutil
import pytest

from tools.benchmarks.suite.process import free_port, running

# build: deps = ["//max/tests/tests/benchmark"]

SERVER = "tests.benchmark.scripted_sse"


def test_a_server_from_start_to_stop(tmp_path: Path) -> None:
    port = free_port()
    with running(
        [sys.executable, "-m", SERVER, str(port)],
        port,
        environment={"A_VARIABLE": "its value"},
        ready_path="/health",
        timeout=60,
        log=tmp_path / "logs" / "server.log",
    ) as server:
        process = psutil.Process(server.pid)
        assert server.url == f"http://127.0.0.1:{port}"
        assert server.ready_seconds > 0
        assert server.memory_gib() > 0.001
        assert process.environ()["A_VARIABLE"] == "its value"
    assert not process.is_running()
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    ("program", "timeout", "message"),
    [
        ("raise SystemExit(3)", 60, "ended with code 3 before it was ready"),
        ("import time; time.sleep(60)", 0.1, "is not ready after"),
    ],
)
def test_a_server_that_does_not_start(
    tmp_path: Path, program: str, timeout: float, message: str
) -> None:
    log = tmp_path / "server.log"
    with (
        pytest.raises(RuntimeError, match=message) as caught,
        running(
            [sys.executable, "-c", program],
            free_port(),
            environment={},
            ready_path="/",
            timeout=timeout,
            log=log,
        ),
    ):
        pass
    assert str(log) in str(caught.value)
