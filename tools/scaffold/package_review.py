"""What can be said of an architecture's package without running its model."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What an architecture may not lean on: what stands above it, and tests.
_ABOVE = ("max.serve", "max.entrypoints", "max.benchmark", "tools", "tests", "integration")
_LONG = 400


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        name: what was checked.
        passed: whether all is well.
        details: what was found.
    """

    name: str
    passed: bool
    details: str


def review_package(folder: Path, *, in_tree: bool) -> Finding:
    """Whether the package can be imported, and what it registers."""
    from max.pipelines.lib import PIPELINE_REGISTRY
    from max.pipelines.lib.custom_architectures import load_custom_architectures

    try:
        if in_tree:
            every = PIPELINE_REGISTRY.all_architectures()
            found = [each for each in every if each.family == folder.name]
        else:
            found = list(load_custom_architectures(str(folder)))
        for each in found:
            _ = each.model_cls
    except Exception as error:
        # The package's own code runs here; whatever it raises is the finding.
        return Finding("imports", False, f"{type(error).__name__}: {error}")
    names = ", ".join(f"`{each.name}` ({each.task.value})" for each in found)
    unnamed = [each.name for each in found if not each.example_repo_ids]
    details = f"registers {names}; {_sizes(folder)}"
    if unnamed:
        return Finding("imports", False, f"{details}; no example_repo_ids: {', '.join(unnamed)}")
    return Finding("imports", True, details)


def review_imports(folder: Path) -> Finding:
    """Whether the package leans only on what stands below it, and on nothing private."""
    wrong = [text for path in sorted(folder.rglob("*.py")) for text in _wrong_imports(path)]
    return Finding("layers", not wrong, "; ".join(wrong) or "imports nothing above it or private")


def _wrong_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            above = [top for top in _ABOVE if f"{name}.".startswith(f"{top}.")]
            is_private = name.startswith("max.") and any(p.startswith("_") for p in name.split("."))
            if above or is_private:
                what = f"{above[0]} is above architectures" if above else "it is private"
                yield f"{path.name}:{node.lineno} imports {name}: {what}"


def _sizes(folder: Path) -> str:
    lines = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in folder.rglob("*.py")}
    long = [f"{name} has {count}" for name, count in lines.items() if count > _LONG]
    return f"{sum(lines.values())} lines in {len(lines)} files" + "".join(f", {n}" for n in long)
