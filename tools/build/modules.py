"""All Python files of the tree, by the names under which they are imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.build.imports import Import, Module, parse

# (folder from which imports start, top-level names that live there; empty: all)
IMPORT_ROOTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("max/python", ("max",)),
    ("", ("tools", "third_party")),
    ("max/tests", ()),
)
_SKIPPED = frozenset({"__pycache__", "testdata", "templates", "node_modules"})


@dataclass(frozen=True)
class ModuleIndex:
    """The modules of one source tree.

    Attributes:
        root: the source tree.
        modules: by dotted name; a package stands for its __init__.py.
    """

    root: Path
    modules: dict[str, Module]

    def resolve(self, imported: Import) -> list[str]:
        """Returns the first-party modules that an import names.

        `from a.b import c` is `a.b.c` when that is a module, else `a.b`. A package without
        __init__.py has no module of its own. An empty list means that it is not first-party,
        or that there is no such module.
        """
        if imported.name and (full := f"{imported.module}.{imported.name}") in self.modules:
            return [full]
        if imported.module in self.modules:
            return [imported.module]
        return []

    def is_first_party(self, module: str) -> bool:
        """Whether a module's top-level name is one of the tree's own."""
        return module.split(".")[0] in self._tops

    @cached_property
    def _tops(self) -> frozenset[str]:
        return frozenset(name.split(".")[0] for name in self.modules)

    def lazy(self, module: Module) -> set[str]:
        """Returns the modules that a file names in strings: registry lines, PEP 562 tables."""
        found: set[str] = set()
        if module.name.split(".")[0] == "tools":
            return found  # their strings are about the tree, they load nothing
        for text in module.strings:
            relative = f"{module.package}.{text.lstrip('.')}"
            if text in self.modules and "." in text:
                found.add(text)
            elif relative in self.modules and (module.is_package or text.startswith(".")):
                found.add(relative)
        if import_root(module.name) == "max/tests":
            found.update(filter(None, map(self._longest_prefix, module.mentions)))
        return found

    def _longest_prefix(self, name: str) -> str | None:
        """Returns the module that a dotted name (`max.nn.Linear`) lies in, if any."""
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        return name or None


def import_root(name: str) -> str:
    """Returns the folder from which a module's imports start."""
    top = name.split(".")[0]
    return next(start for start, tops in IMPORT_ROOTS if top in tops or not tops)


def _python_files(folder: Path) -> Iterator[Path]:
    # Not Path.rglob: it follows no links, and Bazel's runfiles are made of them.
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED and not f.startswith("."))
        for file in sorted(files):
            if file.endswith(".py"):
                yield Path(parent, file)


def scan(root: Path) -> ModuleIndex:
    """Parses every Python file under the import roots of a source tree."""
    modules: dict[str, Module] = {}
    for start, tops in IMPORT_ROOTS:
        base = root / start
        for folder in [base / top for top in tops] if tops else [base]:
            for path in _python_files(folder):
                parts = list(path.relative_to(base).with_suffix("").parts)
                if parts[-1] == "__init__":
                    parts.pop()
                if parts:
                    name = ".".join(parts)
                    modules[name] = parse(path, name)
    return ModuleIndex(root, modules)
