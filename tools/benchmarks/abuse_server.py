"""Measures what one abusive client costs an honest one, and writes a table.

python3 -m tools.benchmarks.abuse_server [--only TEXT] [--page docs/benchmarks/abuse.md]
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
from pathlib import Path

import click

from tools.benchmarks.abuse.cases import CASES, statuses_of
from tools.benchmarks.abuse.watching import watch
from tools.benchmarks.page_sections import where_measured, write_section

# A case that takes longer is not watched any further.
_MOST_SECONDS = 60.0
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
    settings = {"MAX_SERVE_METRIC_LEVEL": "NONE", "MAX_SERVE_LOGS_CONSOLE_LEVEL": "ERROR"}
    environment = os.environ | settings
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
@click.option(
    "--page", type=click.Path(exists=True, path_type=Path), help="Write the table there, too."
)
def main(only: str, page: Path | None) -> None:
    """Run each case against a server of its own and print a row for it."""
    rows = [
        "| case | answers | /health, ms | chat, ms | failed | growth, MB | kept, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    print(*rows, sep="\n")
    for name in CASES:
        if only in name:
            rows.append(row_of(name))
            print(rows[-1], flush=True)
    if page is not None:
        write_section(page, "All cases", f"{where_measured()}.\n\n" + "\n".join(rows))


def row_of(name: str) -> str:
    """The table's line for a case, which it runs."""
    with served() as (url, pid), ProcessPoolExecutor(1, get_context("spawn")) as pool:
        watch(url, pid, lambda: None)  # What is made once is there.
        # In a process of its own, which cannot hold up the honest client.
        abusing = pool.submit(statuses_of, name, url)
        seen = watch(url, pid, lambda: wait([abusing], timeout=_MOST_SECONDS))
        told = ", ".join(map(str, sorted(set(abusing.result(60)))))
    return (
        f"| {name} | {told or 'none'} | {seen.health_ms:.0f} | {seen.chat_ms:.0f} | {seen.errors} |"
        f" {seen.growth_mb:.0f} | {seen.kept_mb:.0f} |"
    )


if __name__ == "__main__":
    main()
