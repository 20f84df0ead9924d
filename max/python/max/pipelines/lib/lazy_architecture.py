"""Architectures of the tree, known by name and imported when one is needed."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from max.pipelines.modeling.types import PipelineTask


class LazyArchitecture(NamedTuple):
    """Where an architecture is defined.

    Attributes:
        name: `architectures[0]` of its checkpoints.
        module: the module that defines it.
        symbol: the `SupportedArchitecture` in it.
        task: what it does.
        is_usual: whether it has no demands of its own: its requests are made by `TextTokenizer`
            without further checks, and are at most as long as config.json's
            `max_position_embeddings`. Then a server's API process need not import it.
    """

    name: str
    module: str
    symbol: str
    task: PipelineTask = PipelineTask.TEXT_GENERATION
    is_usual: bool = False

    def load(self) -> object:
        """Imports the architecture. An exception inside it passes through as it is."""
        return getattr(importlib.import_module(self.module), self.symbol)


class ArchitectureSummary(NamedTuple):
    """What `max list` says of an architecture, and what settles a configuration for a usual one."""

    name: str
    example_repo_ids: list[str]
    supported_encodings: list[str]
    default_encoding: str | None = None

    @property
    def multi_gpu_supported(self) -> bool:
        """Not for usual architectures."""
        return False

    @property
    def required_arguments(self) -> Mapping[str, Any]:
        """None for usual architectures."""
        return {}


def summarize(entry: LazyArchitecture) -> ArchitectureSummary:
    """Reads the summary out of the defining module's text, so that nothing heavy is imported.

    Raises:
        ValueError: if the definition does not spell `example_repo_ids` and `supported_encodings`
            out as literals.
    """
    package, _, _ = entry.module.rpartition(".")
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    path = Path(folders[0], f"{entry.module.rpartition('.')[2]}.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            targets = [t.id for t in node.targets if isinstance(t, ast.Name)]
            if entry.symbol in targets:
                given = {k.arg: k.value for k in node.value.keywords}
                return ArchitectureSummary(
                    entry.name,
                    list(ast.literal_eval(given["example_repo_ids"])),
                    sorted(ast.literal_eval(given["supported_encodings"])),
                    ast.literal_eval(given.get("default_encoding", ast.Constant(None))),
                )
    raise ValueError(f"{path} does not assign a call to '{entry.symbol}'")
