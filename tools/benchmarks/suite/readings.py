"""Reads the numbers that programs print."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.benchmarks.suite.engines import Format


@dataclass(frozen=True)
class Printed:
    """What a program has measured.

    Attributes:
        metrics: Numbers by name.
        profile: Kernels of a decoding step, if it is ours.
    """

    metrics: dict[str, float]
    profile: list[dict[str, Any]] = field(default_factory=list)


def read_printed(text: str, format: Format) -> Printed:
    """The numbers of a program's standard output.

    Raises:
        ValueError: if they are not there.
    """
    try:
        printed = _READERS[format](text)
    except (KeyError, TypeError, IndexError, json.JSONDecodeError) as error:
        raise ValueError(f"this is no output of {format}: {text[-300:]!r}") from error
    if not printed.metrics:
        raise ValueError(f"no number is in this output of {format}: {text[-300:]!r}")
    return printed


def _read_json(text: str) -> Printed:
    """The last line: an object with `metrics`, and ours with `profile`."""
    content = json.loads(text.strip().splitlines()[-1])
    return Printed(content["metrics"], content.get("profile", []))


def _read_llama_bench(text: str) -> Printed:
    """`llama-bench -o json`: a list of tests, with the rate of each repetition."""
    metrics = {}
    for test in json.loads(text):
        rate = statistics.median(test["samples_ts"])
        if not test["n_gen"] and not test["n_depth"]:
            metrics[f"prefill_{test['n_prompt']}"] = rate
        elif test["n_gen"] and not test["n_prompt"]:
            metrics[f"decode_{test['n_depth']}"] = rate
    return Printed(metrics)


def _read_llama_batched_bench(text: str) -> Printed:
    """`llama-batched-bench --output-format jsonl`: a line for each number of streams."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return Printed({f"streams_{line['pl']}": line["speed_tg"] for line in lines})


_READERS: Mapping[Format, Callable[[str], Printed]] = {
    "json": _read_json,
    "llama-bench": _read_llama_bench,
    "llama-batched-bench": _read_llama_batched_bench,
}
