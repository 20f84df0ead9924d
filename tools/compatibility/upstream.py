"""The documented names of MAX: which are here, which are refused by name, which are missing."""

# The names of the list are imported by name.
# build: data = ["upstream_names.txt"]
# build: deps = ["//max/python/max/driver", "//max/python/max/engine", "//max/python/max/nn"]
# build: deps = ["//max/python/max/pipelines/architectures/llama3", "//max/python/max/serve"]
# build: deps = ["//max/python/max/pipelines", "//max/python/max/pipelines/kv_cache"]
# build: deps = ["//max/python/max/entrypoints"]

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from max.entrypoints.cli.benchmark import cli_benchmark
from max.entrypoints.cli.benchmark_documented import REFUSED
from max.entrypoints.cli.options import unavailable_options
from max.pipelines.config import PipelineConfig
from max.pipelines.config.flat_fields import flat_fields
from max.pipelines.lib.absent_names import reason_of_absence

_NAMES = Path(__file__).parent / "upstream_names.txt"


class Outcome(NamedTuple):
    """What became of the names of a module, or the options of a command.

    Attributes:
        of: the module or command.
        here: names that exist.
        refused: names whose absence is explained where a package asks for them.
        missing: the others.
    """

    of: str
    here: list[str]
    refused: list[str]
    missing: list[str]


def documented_names() -> Iterator[tuple[str, list[str]]]:
    """Modules (or classes) and their names, as the list has them."""
    names: dict[str, list[str]] = {}
    for line in _NAMES.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            of, _, found = line.partition(":")
            names.setdefault(of, []).extend(found.split())
    yield from names.items()


def examine_names() -> list[Outcome]:
    """What became of the names of modules and classes."""
    outcomes = []
    for of, names in documented_names():
        outcome = Outcome(of, [], [], [])
        for name in names:
            full = f"{of}.{name}"
            where = outcome.missing
            if _exists(of, name):
                where = outcome.here
            elif reason_of_absence(full):
                where = outcome.refused
            where.append(name)
        outcomes.append(outcome)
    return outcomes


def examine_options() -> list[Outcome]:
    """What became of the options of commands: those that name what is not here are refused."""
    fields = list(flat_fields(PipelineConfig))
    refused = [str(option.opts[0]) for option in unavailable_options("max serve")]
    serve = Outcome(
        "max serve",
        [f"--{field.name.replace('_', '-')}" for field in fields if field.available],
        [f"--{field.name.replace('_', '-')}" for field in fields if not field.available] + refused,
        [],
    )
    known = {flag for each in cli_benchmark.params for flag in each.opts if _is_option(each)}
    benchmark = Outcome("max benchmark", sorted(known - REFUSED.keys()), sorted(REFUSED), [])
    return [serve, benchmark]


def _is_option(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option)


def _exists(of: str, name: str) -> bool:
    """Whether a module or class has a name; a field without a default is one too."""
    found = _find(of)
    if found is None:
        return False
    if isinstance(found, type):
        return name in dir(found) or any(
            name in vars(c).get("__annotations__", {}) for c in found.__mro__
        )
    return hasattr(found, name) or _find(f"{of}.{name}") is not None


def _find(full: str) -> object | None:
    """The module of a full name, or what a module has of it."""
    try:
        return importlib.import_module(full)
    except ImportError:
        module, _, name = full.rpartition(".")
    return getattr(_find(module), name, None) if module else None
