"""What is compared: scenarios, and the servers on this machine. Both are YAML files."""

from __future__ import annotations

import shlex
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from max.benchmark.metrics import METRICS, Metric
from max.benchmark.settings import Settings

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of load.

    Attributes:
        name: Short, for files.
        title: For people.
        model: Which of the servers' models it runs on.
        settings: Fields of `Settings`; a `dataset_path` is relative to the file of the plan.
        shown: Metrics of the table, e.g. `ttft.p50`; `long:ttft.p50` is that of a label.
        bounds: Markdown: what bounds the numbers.
    """

    name: str
    title: str
    model: str
    settings: dict[str, Any]
    shown: list[str]
    bounds: str = ""

    def columns(self) -> list[Column]:
        """The metrics of the table."""
        return [Column.parse(text) for text in self.shown]


class Column(msgspec.Struct, frozen=True):
    """A metric of all requests, or of those with a label."""

    metric: Metric
    label: str | None

    @classmethod
    def parse(cls, text: str) -> Column:
        """Reads `ttft.p50` or `label:ttft.p50`.

        Raises:
            ValueError: if there is no such metric.
        """
        label, _, key = text.rpartition(":")
        if key not in METRICS:
            raise ValueError(f"there is no metric {key!r}; there are: {', '.join(METRICS)}")
        return cls(METRICS[key], label or None)

    @property
    def title(self) -> str:
        """The head of the column."""
        return f"{self.label}: {self.metric.title}" if self.label else self.metric.title


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scenarios and the words around their results.

    Attributes:
        title: The heading of the report.
        introduction: Markdown below it.
        scenarios: In the order in which they run and are reported.
    """

    title: str
    introduction: str
    scenarios: list[Scenario]


class ServerModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a server is started with a model.

    Attributes:
        command: A command line; `{port}` and the variables of the file are filled in.
        settings: Fields of `Settings` that this server needs otherwise than the scenario says.
    """

    command: str
    settings: dict[str, Any] = {}


class ServerKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server of some make.

    Attributes:
        models: How it is started, by the models of scenarios; it sits out the others.
        environment: Variables of its environment, with the file's variables filled in.
        ready_path: A path that answers 200 once it is ready.
        start_timeout: Seconds until then, at most.
        about: Version and settings, for the report.
    """

    models: dict[str, ServerModel]
    environment: dict[str, str] = {}
    ready_path: str = "/health"
    start_timeout: float = 600
    about: str = ""


class Servers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The servers of this machine; the first one is compared with the others.

    Attributes:
        servers: By name.
        tokenizers: Where the tokenizer of each model is.
        variables: Filled into commands and environments wherever `{name}` stands.
    """

    servers: dict[str, ServerKind]
    tokenizers: dict[str, str]
    variables: dict[str, str] = {}

    def fill(self, text: str, port: int | None = None) -> str:
        """Puts the variables into a text.

        Raises:
            ValueError: if it names one that is not there.
        """
        return fill(text, self.variables, port)

    def arguments(self, server: str, model: str, port: int) -> list[str]:
        """The command line of a server."""
        return shlex.split(self.fill(self.servers[server].models[model].command, port))


def read_plan(path: Path) -> Plan:
    """Reads scenarios.

    Raises:
        ValueError: if the file is not as described here.
    """
    plan = read_yaml(path, Plan)
    for scenario in plan.scenarios:
        try:
            scenario.columns()
            scenario_settings(scenario, path.parent).check()
        except ValueError as error:
            raise ValueError(f"{path}, scenario {scenario.name}: {error}") from error
    return plan


def read_servers(path: Path) -> Servers:
    """Reads how servers are started.

    Raises:
        ValueError: if the file is not as described here.
    """
    servers = read_yaml(path, Servers)
    for name, kind in servers.servers.items():
        for model in kind.models:
            servers.arguments(name, model, port=1)
            if model not in servers.tokenizers:
                raise ValueError(f"{path}: `tokenizers` does not say where that of {model} is")
    return servers


def scenario_settings(scenario: Scenario, folder: Path, **others: Any) -> Settings:
    """The settings of a run; `others` win."""
    fields = scenario.settings | others
    if (path := fields.get("dataset_path")) is not None:
        fields["dataset_path"] = str(folder / path)
    return msgspec.convert(fields, Settings)


def seed_of(load: str, round: int) -> int:
    """The seed of a load's requests: none repeats another's, which a server may still remember."""
    return zlib.crc32(load.encode()) + round


def fill(text: str, variables: Mapping[str, str], port: int | None = None) -> str:
    """Puts variables, and a port as `{port}`, into a text.

    Raises:
        ValueError: if it names one that is not there.
    """
    try:
        return text.format_map({**variables, **({} if port is None else {"port": port})})
    except (KeyError, IndexError) as error:
        raise ValueError(f"{text!r} names {error}, which is not in `variables`") from error


def read_yaml(path: Path, kind: type[_Struct]) -> _Struct:
    """Reads a file as a struct.

    Raises:
        ValueError: if it is none.
    """
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), kind)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
