"""What engines are compared on: targets and loads, and the commands of one machine; YAML files."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Literal

import msgspec

from max.benchmark.metrics import METRICS
from max.benchmark.settings import Settings
from tools.benchmarks.suite.plan import fill, read_yaml

Format = Literal["json", "llama-bench", "llama-batched-bench"]


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number of a load.

    Attributes:
        metric: Of the load's summary, e.g. `itl.p50`.
        tokens: The number is a rate: so many tokens per the metric's milliseconds.
    """

    metric: str
    tokens: int | None = None


class Load(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a server is asked to do.

    Attributes:
        settings: Fields of `Settings`.
        readings: The numbers that it gives, by name.
    """

    settings: dict[str, Any]
    readings: dict[str, Reading]


class Cell(msgspec.Struct, frozen=True):
    """A number of an engine, written `engine:name`."""

    engine: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Reads `engine:name`.

        Raises:
            ValueError: if it has no colon.
        """
        engine, colon, name = text.rpartition(":")
        if not colon:
            raise ValueError(f"{text!r} is not engine:number")
        return cls(engine, name)


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition; exactly one of `share`, `ratio` and `value` is given.

    Attributes:
        share: Of the row's bound.
        ratio: To `peer`, or to the best of all peers; above 1 is better than it, also where less
            is better.
        peer: The engine that `ratio` is to.
        value: In the row's unit.
    """

    share: float | None = None
    ratio: float | None = None
    peer: str | None = None
    value: float | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table.

    Attributes:
        title: What is done.
        unit: Of all its numbers.
        ours: Our number, as `engine:name`.
        peers: Theirs.
        bound: What ours cannot exceed, or is measured against, as `engine:name`.
        lower_is_better: Whether less is better.
        targets: All of them must hold.
        note: Markdown: what bounds the number, and what was tried.
    """

    title: str
    unit: str
    ours: str
    peers: list[str] = []
    bound: str | None = None
    lower_is_better: bool = False
    targets: list[Target] = []
    note: str = ""

    def cells(self) -> list[Cell]:
        """Ours, the peers' and the bound."""
        texts = [self.ours, *self.peers, *([self.bound] if self.bound else [])]
        return [Cell.parse(text) for text in texts]


class EnginePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured and what it should be.

    Attributes:
        title: The heading of the report.
        introduction: Markdown below it.
        conclusion: Markdown at its end.
        loads: Of servers, by name.
        rows: The table.
    """

    title: str
    introduction: str
    conclusion: str = ""
    loads: dict[str, Load]
    rows: list[Row]


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to run. It prints its numbers (`reads`), or it is a server (`loads`).

    Attributes:
        command: A command line; `{port}` and the variables of the file are filled in.
        reads: How its output is read.
        loads: The loads of the plan that this server gets.
        tokenizer: Of the server's model.
        settings: Fields of `Settings` that this server needs otherwise than the load says.
        ready_path: Of the server: answers 200 once it is ready.
        timeout: Seconds that it may take; of a server, until it is ready.
    """

    command: str
    reads: Format | None = None
    loads: list[str] = []
    tokenizer: str = ""
    settings: dict[str, Any] = {}
    ready_path: str = "/health"
    timeout: float = 600


class EngineKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An engine with a kind of weights.

    Attributes:
        about: Version and settings, for the report.
        environment: Variables of its environment, with the file's variables filled in.
        commands: By name.
    """

    about: str
    environment: dict[str, str] = {}
    commands: dict[str, Command]


class Engines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The engines of this machine.

    Attributes:
        engines: By name, in the order of the first round.
        variables: Filled in wherever `{name}` stands.
    """

    engines: dict[str, EngineKind]
    variables: dict[str, str] = {}

    def arguments(self, command: Command, port: int) -> list[str]:
        """The command line."""
        return shlex.split(fill(command.command, self.variables, port))

    def environment(self, engine: str) -> dict[str, str]:
        """What is added to the environment."""
        variables = self.engines[engine].environment
        return {name: fill(value, self.variables) for name, value in variables.items()}


def read_engine_plan(path: Path) -> EnginePlan:
    """Reads targets and loads.

    Raises:
        ValueError: if the file is not as described here.
    """
    plan = read_yaml(path, EnginePlan)
    for name, load in plan.loads.items():
        try:
            msgspec.convert(load.settings, Settings).check()
        except ValueError as error:
            raise ValueError(f"{path}, load {name}: {error}") from error
        for reading in load.readings.values():
            if reading.metric not in METRICS:
                raise ValueError(f"{path}, load {name}: there is no metric {reading.metric!r}")
    for row in plan.rows:
        _check_row(path, row)
    return plan


def _check_row(path: Path, row: Row) -> None:
    peers = {cell.engine for cell in row.cells()[1:]}
    for target in row.targets:
        given = [kind for kind in ("share", "ratio", "value") if getattr(target, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"{path}, row {row.title}: a target is one of share, ratio, value")
        if target.share is not None and row.bound is None:
            raise ValueError(f"{path}, row {row.title}: a share needs a bound")
        if target.peer is not None and target.peer not in peers:
            raise ValueError(f"{path}, row {row.title}: {target.peer} is none of its peers")


def read_engines(path: Path, plan: EnginePlan) -> Engines:
    """Reads the commands of a machine.

    Raises:
        ValueError: if the file is not as described here, or names loads that the plan lacks.
    """
    engines = read_yaml(path, Engines)
    for name, engine in engines.engines.items():
        engines.environment(name)
        for command_name, command in engine.commands.items():
            engines.arguments(command, port=1)
            where = f"{path}, {name}, {command_name}"
            if (command.reads is None) == (not command.loads):
                raise ValueError(f"{where}: a command has either `reads` or `loads`")
            if unknown := set(command.loads) - set(plan.loads):
                raise ValueError(f"{where}: the plan has no load {', '.join(unknown)}")
    return engines
