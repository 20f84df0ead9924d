"""The result of a run, and its file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from max.benchmark.machine import Machine
from max.benchmark.records import RequestRecord
from max.benchmark.settings import Settings
from max.benchmark.statistics import Summary

SCHEMA_VERSION = 1


class ClientCost(msgspec.Struct, frozen=True):
    """What the client took from the machine.

    Attributes:
        cpu_seconds: Processor time during the run.
        cores: Cores that it used on average.
        microseconds_per_chunk: Processor time for each chunk of an answer.
    """

    cpu_seconds: float
    cores: float
    microseconds_per_chunk: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run found out.

    Attributes:
        schema_version: Of the file's format.
        started: When the run began, as ISO 8601.
        settings: What was asked for, with the model's and the tokenizer's name filled in.
        machine: Where the client ran.
        client: What the client cost.
        interrupted: Whether the run was broken off.
        summary: The numbers.
        by_label: The numbers of each label.
        requests: Each request.
    """

    schema_version: int = SCHEMA_VERSION
    started: str
    settings: Settings
    machine: Machine
    client: ClientCost
    interrupted: bool
    summary: Summary
    by_label: dict[str, Summary]
    requests: list[RequestRecord]


def write_result(result: Result, path: Path) -> None:
    """Writes a result; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(result))


def read_result(path: Path) -> Result:
    """Reads a result.

    Raises:
        ValueError: if the file is no result of this version.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except msgspec.MsgspecError as error:
        raise ValueError(
            f"{path} is no result of `max benchmark --result-file` with schema_version "
            f"{SCHEMA_VERSION}: {error}"
        ) from error
