"""How kernels are timed: in turns with what they are compared with, on some threads and a clock."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from max.kernels.thread_pool import set_num_threads

Clock = Callable[[], float]
Run = Callable[[], object]


def add_timing_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--turns`, `--threads` and `--cpu-time`."""
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--threads", type=int, help="one per core unless given")
    parser.add_argument(
        "--cpu-time", action="store_true", help="of one thread: what others take is not counted"
    )


def use_timing_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Clock:
    """Sets the kernels' threads and gives the clock that was asked for.

    A wrong combination ends the program, with the parser's message.
    """
    if args.cpu_time and args.threads != 1:
        parser.error("--cpu-time is that of one thread: add --threads 1")
    set_num_threads(args.threads)
    return time.thread_time if args.cpu_time else time.perf_counter


def take_turns(turns: int, clock: Clock, **runs: Run) -> dict[str, float]:
    """The median seconds of each run; all are run once before, unmeasured."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            started = clock()
            run()
            if turn:
                seconds[name].append(clock() - started)
    return {name: statistics.median(measured) for name, measured in seconds.items()}
