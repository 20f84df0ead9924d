"""A server that is started for a measurement and stopped after it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_POLL_S = 0.2
_STOP_S = 20.0


@dataclass(frozen=True)
class RunningServer:
    """A server that is ready.

    Attributes:
        url: Its address.
        pid: The process that was started.
        ready_seconds: From its start until it was ready.
    """

    url: str
    pid: int
    ready_seconds: float

    def memory_gib(self) -> float:
        """Memory of all its processes; shared pages count once (PSS)."""
        root = psutil.Process(self.pid)
        total = 0
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                info = process.memory_full_info()
                total += getattr(info, "pss", info.rss)
        return total / 2**30


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    arguments: Sequence[str],
    port: int,
    *,
    environment: Mapping[str, str],
    ready_path: str,
    timeout: float,
    log: Path,
) -> Iterator[RunningServer]:
    """Starts a server, waits until it is ready, and stops it and its children at the end.

    Args:
        arguments: the command line.
        port: where it listens.
        environment: added to the environment of this process.
        ready_path: answers 200 once it is ready.
        timeout: seconds until then, at most.
        log: gets what it prints.

    Raises:
        RuntimeError: if it ends before, or is not ready in time.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        while not _answers(url + ready_path):
            passed = time.perf_counter() - started
            if process.poll() is not None or passed > timeout:
                state = f"is not ready after {passed:.0f} s"
                if process.poll() is not None:
                    state = f"ended with code {process.returncode} before it was ready"
                raise RuntimeError(f"{arguments[0]} {state}; its output is in {log}")
            time.sleep(_POLL_S)
        yield RunningServer(url, process.pid, time.perf_counter() - started)
    finally:
        _stop(process)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process group that `running` has made."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
