"""Measures what one abusive client costs an honest one, and writes a table.

python3 -m tools.benchmarks.abuse_server [--only TEXT]
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing import get_context

import click

from tools.benchmarks.abuse.cases import CASES, statuses_of
from tools.benchmarks.abuse.watching import watch

_READY = re.compile(r"Server ready on (http://\S+) ")
_FLAGS = (
    "--model",
    "demo",
    "--port",
    "0",
    "--host",
    "127.0.0.1",
    "--enable-echo",
    "--enable-structured-output",
)


@contextlib.contextmanager
def served() -> Iterator[tuple[str, int]]:
    """A server of the demo model: its URL and process id."""
    command = [sys.executable, "-m", "max.entrypoints.pipelines", "serve", *_FLAGS]
    environment = {**os.environ, "MAX_SERVE_METRIC_LEVEL": "NONE"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None, "it is a pipe"
        try:
            found = next(filter(None, map(_READY.search, process.stdout)))
            yield found[1], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.read()


@click.command()
@click.option("--only", default="", help="Only cases whose names have this text.")
def main(only: str) -> None:
    """Run each case against a server of its own and print a row for it."""
    print("| case | answers | /health, ms | chat, ms | failed | growth, MB | kept, MB |")
    print("|---|---|---|---|---|---|---|")
    for name in CASES:
        if only not in name:
            continue
        with served() as (url, pid), ProcessPoolExecutor(1, get_context("spawn")) as pool:
            watch(url, pid, lambda: None)  # What is made once is there.
            # In a process of its own, which cannot hold up the honest client.
            abusing = pool.submit(statuses_of, name, url)
            seen = watch(url, pid, lambda: wait([abusing]))  # noqa: B023
        answers = ", ".join(map(str, sorted(set(abusing.result())))) or "none"
        print(
            f"| {name} | {answers} | {seen.health_ms:.0f} | {seen.chat_ms:.0f} | {seen.errors} |"
            f" {seen.growth_mb:.0f} | {seen.kept_mb:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
