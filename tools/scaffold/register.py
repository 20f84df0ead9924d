"""Adds a new architecture to the tree: its line in the registry and its parity test."""

from __future__ import annotations

from pathlib import Path

from tools.scaffold.base_family import Family
from tools.scaffold.package import Names, fill

_TEST = Path(__file__).parent / "templates" / "parity_test.txt"


def register_in_tree(root: Path, names: Names, family: Family) -> list[Path]:
    """Registers the architecture and writes its test.

    Args:
        root: of the workspace.
        names: what it is called.
        family: what it starts from.

    Returns:
        The files changed or written.

    Raises:
        ValueError: if the registry has no list of architectures, or knows the name already.
    """
    registry = root / "max" / "python" / "max" / "pipelines" / "architectures" / "__init__.py"
    registry.write_text(add_line(registry.read_text(encoding="utf-8"), names), encoding="utf-8")
    tests = root / "max" / "tests" / "tests" / "pipelines" / "architectures"
    test = tests / f"test_{names.package}.py"
    test.write_text(fill(_TEST, names, family), encoding="utf-8")
    return [registry, test]


def add_line(source: str, names: Names) -> str:
    """The text of architectures/__init__.py with one more architecture, in order of names."""
    if f'"{names.hugging_face}"' in source:
        raise ValueError(f"'{names.hugging_face}' is registered already; give another --hf-name")
    lines = source.splitlines(keepends=True)
    entries = [i for i, line in enumerate(lines) if line.startswith('    ("')]
    if not entries:
        raise ValueError("architectures/__init__.py has no line `(NAME, MODULE, SYMBOL),`")
    line = f'    ("{names.hugging_face}", ".{names.package}.arch", "{names.package}_arch"),\n'
    after = [i for i in entries if lines[i] < line]
    position = after[-1] + 1 if after else entries[0]
    return "".join([*lines[:position], line, *lines[position:]])
