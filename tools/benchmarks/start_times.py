"""From the start of `max generate` and `max serve` to the first character, of trees in turns.

    python -m tools.benchmarks.start_times --model llama-1b --tree ../before --tree .

Each tree keeps weights and byte code in a folder of its own below --cache, warmed up first.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PROMPT = "Hello there, how are you today my friend"
_SIZES = ("--max-length", "2048", "--max-batch-size", "16")
_PAUSE_S = 0.02


class Start(NamedTuple):
    """Seconds: until the first character, and of a processor until the command's end."""

    command: str
    tree: str
    first: float
    processor: float


class Tree:
    """A checkout, and what it keeps.

    Args:
        path: its root.
        cache: a folder for all trees.
    """

    def __init__(self, path: Path, cache: Path) -> None:
        self.name = path.name
        kept = cache / path.name
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(path / "max/python"), str(path)]),
            "PYTHONPYCACHEPREFIX": str(kept / "code"),
            "MODULAR_MAX_CACHE_DIR": str(kept / "cache"),
        }
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def start(self, command: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a command of `max`."""
        program = [sys.executable, "-m", "max.entrypoints.pipelines", command, *arguments]
        return subprocess.Popen(
            program,
            env=self._environment,
            stdout=subprocess.PIPE if command == "generate" else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def time_generate(tree: Tree, model: str) -> Start:
    """Times `max generate`."""
    before, began = _processor_s(), time.perf_counter()
    flags = ("--prompt", _PROMPT, "--max-new-tokens", "8", "--temperature", "0")
    process = tree.start("generate", "--model", model, *_SIZES, *flags)
    assert process.stdout is not None, "it is a pipe"
    process.stdout.read(1)
    first = time.perf_counter() - began
    process.communicate()
    return Start("generate", tree.name, first, _processor_s() - before)


def time_serve(tree: Tree, model: str) -> Start:
    """Times `max serve`, asked as soon as it listens and again until the model is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before, began = _processor_s(), time.perf_counter()
    flags = ("--host", "127.0.0.1", "--port", str(port), "--served-model-name", "model")
    process = tree.start("serve", "--model", model, *_SIZES, *flags)
    while not _has_streamed(port):
        if process.poll() is not None:
            raise RuntimeError(f"the server of {tree.name} ended with {process.returncode}")
        time.sleep(_PAUSE_S)
    first = time.perf_counter() - began
    process.send_signal(signal.SIGTERM)
    process.wait()
    return Start("serve", tree.name, first, _processor_s() - before)


def _has_streamed(port: int) -> bool:
    """Whether the first character of a stream came."""
    body = {"model": "model", "prompt": _PROMPT, "max_tokens": 8, "temperature": 0, "stream": True}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request(
            "POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        return response.status == 200 and bool(response.read(1))
    except OSError:
        return False
    finally:
        connection.close()


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_table(starts: Sequence[Start]) -> str:
    """The starts as a table in Markdown: of each command and tree all, and their medians."""
    lines = [
        "| command | tree | first character, s | median | processor, s |",
        "|---|---|---|---|---|",
    ]
    for command, tree in dict.fromkeys((each.command, each.tree) for each in starts):
        own = [each for each in starts if (each.command, each.tree) == (command, tree)]
        firsts = ", ".join(f"{each.first:.2f}" for each in own)
        median = statistics.median(each.first for each in own)
        processor = statistics.median(each.processor for each in own)
        lines.append(f"| {command} | {tree} | {firsts} | {median:.2f} | {processor:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tree", type=Path, action="append", required=True)
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "start-times"))
    options = parser.parse_args()
    trees = [Tree(path.resolve(), options.cache) for path in options.tree]
    for tree in trees:
        tree.start("warm-cache", "--model", options.model, *_SIZES).wait()
        time_generate(tree, options.model)
        time_serve(tree, options.model)
    starts = [
        time(tree, options.model)
        for time in (time_generate, time_serve)
        for _ in range(options.repeat)
        for tree in trees
    ]
    print(make_table(starts))


if __name__ == "__main__":
    main()
