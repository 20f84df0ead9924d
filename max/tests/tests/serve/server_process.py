"""Starts a server in a process of its own and talks to it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx
import psutil

METRICS = re.compile(r"Metrics on (http://\S+)")
READY = re.compile(r"Server ready on (http://\S+) \(Press CTRL\+C to quit\)")
HELPERS = re.compile("resource_tracker|template_worker")
EXIT_TIMEOUT_S = 30
REQUEST_TIMEOUT_S = 30


@dataclass
class ServerProcess:
    """A running server; `output` is all that it has printed, errors included."""

    process: subprocess.Popen[str]
    log: Path
    url: str = ""
    metrics_url: str = ""

    @cached_property
    def client(self) -> httpx.Client:
        """An HTTP client of this server, for any number of threads."""
        return httpx.Client(base_url=self.url, timeout=REQUEST_TIMEOUT_S, limits=httpx.Limits())

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def workers(self) -> list[psutil.Process]:
        """The model worker: the child that is not a helper."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if not HELPERS.search(str(child.cmdline()))]

    def cpu_seconds(self) -> float:
        """CPU time that both processes have used."""
        processes = [psutil.Process(self.process.pid), *self.workers()]
        assert len(processes) == 2, "there is one worker"
        return sum(times.user + times.system for times in (p.cpu_times() for p in processes))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        return self.process.wait(timeout=EXIT_TIMEOUT_S)


@contextlib.contextmanager
def started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Runs `python -m command...` on a free port of 127.0.0.1; ends it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    inherited = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    settings = {
        "MAX_SERVE_HOST": "127.0.0.1",
        "MAX_SERVE_PORT": "0",
        "MAX_SERVE_METRICS_ENDPOINT_PORT": "0",
    }
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**inherited, **settings, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    server = ServerProcess(process, log)
    try:
        yield server
    finally:
        server.client.close()
        end(process)


@contextlib.contextmanager
def ready(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """As `started`, once it says that it is ready."""
    with started(command, folder, environment) as server:
        assert server.process.stdout is not None, "it is a pipe"
        for line in server.process.stdout:
            if match := METRICS.search(line):
                server.metrics_url = match.group(1)
            if match := READY.search(line):
                server.url = match.group(1)
                break
        else:
            raise AssertionError(f"The server ended before it was ready:\n{server.output}")
        yield server


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process that we started, and its children, if they have not ended."""
    # Twice, so that it does not wait for running requests.
    process.terminate()
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=EXIT_TIMEOUT_S)
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.wait(timeout=EXIT_TIMEOUT_S)
    if process.stdout is not None:
        process.stdout.close()
