"""Runs the scenarios on the servers, one server at a time, in rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from max.benchmark.result import Result, write_result
from max.benchmark.run import run_benchmark
from tools.benchmarks.suite.bandwidth import memory_rate
from tools.benchmarks.suite.plan import Scenario, Servers, scenario_settings, seed_of
from tools.benchmarks.suite.process import RunningServer, free_port, running

_INDEX = "runs.jsonl"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario on one server in one round.

    Attributes:
        round: Number of the round, from 0.
        server: The server's name.
        scenario: The scenario's name.
        result: The file of the result, beside the index.
        failure: Why there is none.
        ready_seconds: From the server's start until it was ready.
        memory_gib: Memory of the server after the scenario.
        bandwidth: Main memory's read rate, in GB/s: the mean of before and after, the server idle.
    """

    round: int
    server: str
    scenario: str
    result: str | None = None
    failure: str | None = None
    ready_seconds: float | None = None
    memory_gib: float | None = None
    bandwidth: float


@dataclass(frozen=True)
class Suite:
    """What is run where.

    Attributes:
        scenarios: The scenarios.
        servers: The servers.
        folder: Of the plan's file; data sets lie beside it.
        results: Gets results, logs and the index.
        say: Told what is going on.
    """

    scenarios: Sequence[Scenario]
    servers: Servers
    folder: Path
    results: Path
    say: Callable[[str], None] = print

    def run(self, rounds: int) -> None:
        """Runs everything; results of earlier calls stay, rounds are numbered on.

        The order of the servers is turned by one each round, so that none always comes first. A
        server is started once per round and model. A failure is noted and the rest goes on.
        """
        self.results.mkdir(parents=True, exist_ok=True)
        first = 1 + max((run.round for run in read_runs(self.results)), default=-1)
        names = list(self.servers.servers)
        for number in range(first, first + rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                for model in dict.fromkeys(scenario.model for scenario in self.scenarios):
                    if model in self.servers.servers[name].models:
                        self._run_model(number, name, model)

    def _run_model(self, number: int, name: str, model: str) -> None:
        scenarios = [scenario for scenario in self.scenarios if scenario.model == model]
        kind = self.servers.servers[name]
        port = free_port()
        self.say(f"round {number}: {name} with {model}")
        try:
            with running(
                self.servers.arguments(name, model, port),
                port,
                environment={k: self.servers.fill(v) for k, v in kind.environment.items()},
                ready_path=kind.ready_path,
                timeout=kind.start_timeout,
                log=self.results / f"{name}-{model}-{number}.log",
            ) as server:
                for scenario in scenarios:
                    self._note(self._run_scenario(number, name, scenario, server))
        except (RuntimeError, OSError) as error:
            for scenario in scenarios:
                self._note(
                    Run(
                        round=number,
                        server=name,
                        scenario=scenario.name,
                        failure=str(error),
                        bandwidth=memory_rate(),
                    )
                )

    def _run_scenario(
        self, number: int, name: str, scenario: Scenario, server: RunningServer
    ) -> Run:
        settings = scenario_settings(
            scenario,
            self.folder,
            **{
                "tokenizer": self.servers.tokenizers[scenario.model],
                "seed": seed_of(scenario.name, number),
                **self.servers.servers[name].models[scenario.model].settings,
                "base_url": server.url,
                "label": name,
            },
        )
        rate = memory_rate()
        run = Run(round=number, server=name, scenario=scenario.name, bandwidth=rate)
        try:
            result = run_benchmark(settings, show_progress=False)
        except (ConnectionError, ValueError) as error:
            return msgspec.structs.replace(run, failure=str(error))
        if result.interrupted:
            raise KeyboardInterrupt
        file = f"{scenario.name}-{name}-{number}.json"
        write_result(result, self.results / file)
        return msgspec.structs.replace(
            run,
            result=file,
            failure=_failure(result),
            ready_seconds=server.ready_seconds,
            memory_gib=server.memory_gib(),
            bandwidth=(rate + memory_rate()) / 2,
        )

    def _note(self, run: Run) -> None:
        with (self.results / _INDEX).open("ab") as index:
            index.write(msgspec.json.encode(run) + b"\n")
        self.say(f"  {run.scenario}: {run.failure or 'done'}")


def _failure(result: Result) -> str | None:
    failures = result.summary.failures
    if not failures:
        return None
    return f"{failures[0].count} x {failures[0].kind}: {failures[0].first_message}"


def read_runs(results: Path) -> Iterator[Run]:
    """The runs of a folder of results, in the order in which they were made."""
    index = results / _INDEX
    if index.exists():
        for line in index.read_bytes().splitlines():
            yield msgspec.json.decode(line, type=Run)
