"""Runs the commands of engines, one at a time, in rounds."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from max.benchmark.metrics import METRICS
from max.benchmark.run import run_benchmark
from max.benchmark.settings import Settings
from tools.benchmarks.suite.bandwidth import memory_rate
from tools.benchmarks.suite.engines import Command, EnginePlan, Engines
from tools.benchmarks.suite.plan import fill, seed_of
from tools.benchmarks.suite.process import free_port, running
from tools.benchmarks.suite.readings import Printed, read_printed

_INDEX = "measurements.jsonl"


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One command in one round.

    Attributes:
        round: Number of the round, from 0.
        engine: The engine's name.
        command: The command's name.
        metrics: The numbers by name.
        profile: Kernels of a decoding step, if it is ours.
        failure: Why there are no numbers.
        seconds: What it took.
        bandwidth: Main memory's read rate before and after it, in GB/s.
    """

    round: int
    engine: str
    command: str
    metrics: dict[str, float] = {}
    profile: list[dict[str, Any]] = []
    failure: str | None = None
    seconds: float
    bandwidth: tuple[float, float]


@dataclass(frozen=True)
class EngineSuite:
    """What is run.

    Attributes:
        plan: Has the loads of servers.
        engines: The engines.
        chosen: Names of engines, or `engine/command`, that are run; all if there are none.
        results: Gets logs and the index.
        minutes: After them no command begins any more.
        say: Told what is going on.
    """

    plan: EnginePlan
    engines: Engines
    chosen: Sequence[str]
    results: Path
    minutes: float = math.inf
    say: Callable[[str], None] = print

    def run(self, rounds: int) -> None:
        """Runs what the results lack of these rounds: after an interruption it goes on.

        The order of the engines is turned by one each round. A failure is noted, the rest goes on,
        and the next call tries it again.
        """
        self.results.mkdir(parents=True, exist_ok=True)
        done = {
            (m.round, m.engine, m.command)
            for m in read_measurements(self.results)
            if m.failure is None
        }
        end = time.monotonic() + 60 * self.minutes
        for number, engine, name, command in self._planned(rounds):
            if (number, engine, name) not in done and time.monotonic() < end:
                self._note(self._measure(number, engine, name, command))

    def _planned(self, rounds: int) -> Iterator[tuple[int, str, str, Command]]:
        names = list(self.engines.engines)
        for number in range(rounds):
            turn = number % len(names)
            for engine in names[turn:] + names[:turn]:
                for name, command in self.engines.engines[engine].commands.items():
                    if not self.chosen or {engine, f"{engine}/{name}"} & set(self.chosen):
                        yield number, engine, name, command

    def _measure(self, number: int, engine: str, name: str, command: Command) -> Measurement:
        self.say(f"round {number}: {engine}, {name}")
        log = self.results / f"{engine}-{name}-{number}.log".replace(" ", "_")
        before = memory_rate()
        started = time.perf_counter()
        printed, failure = Printed({}), None
        try:
            run = self._run_server if command.loads else self._run_program
            printed = run(number, engine, name, log)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            failure = f"{error} (log: {log.name})"
        return Measurement(
            round=number,
            engine=engine,
            command=name,
            metrics=printed.metrics,
            profile=printed.profile,
            failure=failure,
            seconds=time.perf_counter() - started,
            bandwidth=(before, memory_rate()),
        )

    def _run_program(self, number: int, engine: str, name: str, log: Path) -> Printed:
        command = self.engines.engines[engine].commands[name]
        assert command.reads is not None, "read_engines has checked it"
        arguments = self.engines.arguments(command, port=0)
        environment = self.engines.environment(engine)
        text = run_program(arguments, environment, command.timeout, log)
        return read_printed(text, command.reads)

    def _run_server(self, number: int, engine: str, name: str, log: Path) -> Printed:
        command = self.engines.engines[engine].commands[name]
        port = free_port()
        metrics = {}
        with running(
            self.engines.arguments(command, port),
            port,
            environment=self.engines.environment(engine),
            ready_path=command.ready_path,
            timeout=command.timeout,
            log=log,
        ) as server:
            metrics[f"{name}_ready_seconds"] = server.ready_seconds
            for load_name in command.loads:
                load = self.plan.loads[load_name]
                fields = load.settings | {
                    "tokenizer": fill(command.tokenizer, self.engines.variables),
                    "seed": seed_of(load_name, number),
                    **command.settings,
                    "base_url": server.url,
                }
                result = run_benchmark(msgspec.convert(fields, Settings), show_progress=False)
                if result.interrupted:
                    raise KeyboardInterrupt
                if result.summary.failures:
                    raise RuntimeError(f"{load_name}: {result.summary.failures[0].first_message}")
                for key, reading in load.readings.items():
                    value = METRICS[reading.metric].of(result.summary)
                    if value:
                        metrics[key] = reading.tokens * 1000 / value if reading.tokens else value
        return Printed(metrics)

    def _note(self, measurement: Measurement) -> None:
        with (self.results / _INDEX).open("ab") as index:
            index.write(msgspec.json.encode(measurement) + b"\n")
        shown = "  ".join(f"{name} {value:.4g}" for name, value in measurement.metrics.items())
        self.say(f"  {measurement.seconds:.0f} s: {measurement.failure or shown}")


def run_program(
    arguments: Sequence[str], environment: Mapping[str, str], timeout: float, log: Path
) -> str:
    """What a program prints; its standard error goes to the log.

    Raises:
        RuntimeError: if it fails, or takes longer than `timeout` seconds.
    """
    with log.open("wb") as errors, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            arguments,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{arguments[0]} took longer than {timeout:g} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if code:
            raise RuntimeError(f"{arguments[0]} ended with code {code}")
        output.seek(0)
        return output.read().decode(errors="replace")


def read_measurements(results: Path) -> Iterator[Measurement]:
    """The measurements of a folder, in the order in which they were made."""
    index = results / _INDEX
    if index.exists():
        for line in index.read_bytes().splitlines():
            yield msgspec.json.decode(line, type=Measurement)
