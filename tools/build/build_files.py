"""The text of the BUILD files that the targets of the tree ask for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools.build.imports import Module
from tools.build.targets import Label, Targets, is_whole_folder, marker_variants
from tools.build.third_party import REQUIREMENTS

HEADER = "# Written by //tools:update_build_files from the imports of the sources.\n"
KEPT = "# Kept by //tools:update_build_files: what imports do not tell.\n"
_TREE = Label("tools/build", "tree")
_SETTINGS = ("size", "timeout", "shard_count", "env")

# What the tests of the whole tree read: see the target "tree" of tools/build.
_SOURCES = """\
filegroup(
    name = "sources",
    srcs = ["BUILD.bazel"] + glob(
        [
            "**/*.cpp",
            "**/*.h",
            "**/*.py",
        ],
        allow_empty = True,
    ),
)
"""


def _value(value: object, indent: str = "    ") -> str:
    if isinstance(value, (list, tuple)):
        if len(value) < 2:
            return json.dumps(list(value))
        lines = "".join(f"{indent}    {json.dumps(entry)},\n" for entry in value)
        return f"[\n{lines}{indent}]"
    if isinstance(value, dict):
        lines = "".join(
            f"{indent}    {json.dumps(k)}: {json.dumps(v)},\n" for k, v in value.items()
        )
        return f"{{\n{lines}{indent}}}"
    return str(value) if isinstance(value, bool) else json.dumps(value)


def _rule(kind: str, attributes: Mapping[str, object]) -> str:
    lines = "".join(
        f"    {key} = {_value(value)},\n"
        for key, value in attributes.items()
        if value not in ([], {})
    )
    return f"{kind}(\n{lines})\n"


def _label_order(label: str) -> tuple[int, str]:
    """Sorts as buildifier does: by where a target is, a package's before those below it."""
    kind = 0 if label.startswith(":") else 2 if label.startswith("@") else 1
    return kind, label.replace(":", "!")


def _labels(package: str, labels: Iterable[Label], others: Iterable[str] = ()) -> list[str]:
    """Labels as they are written in a package, in buildifier's order."""
    written = {f":{x.name}" if x.package == package else str(x) for x in labels}
    return sorted(written | set(others), key=_label_order)


def _merge(modules: Iterable[Module], key: str) -> list[str]:
    values: set[str] = set()
    for module in modules:
        value = module.directives.get(key, [])
        values.update([value] if isinstance(value, str) else list(value))  # type: ignore[call-overload]
    return sorted(values)


def _testonly(label: Label) -> dict[str, bool]:
    return {"testonly": True} if label.package.startswith("max/tests") else {}


class BuildFiles:
    """Writes each package's targets."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._rules: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for label in sorted(targets.units):
            self._add_library(label)
        for label, module in sorted(targets.programs.items()):
            self._add_binary(label, module)
        for label, module in sorted(targets.tests.items()):
            self._add_test(label, module)

    def _add(self, package: str, kind: str, attributes: Mapping[str, object]) -> None:
        self._rules[package].append((kind, _rule(kind, attributes)))

    def _add_library(self, label: Label) -> None:
        unit = self._targets.units[label]
        folder = self._targets.index.root / label.package
        whole_folder = is_whole_folder(label)
        kernels = self._kernels(label, folder) if whole_folder else []
        attributes: dict[str, object] = {"name": label.name, **_testonly(label)}
        if not whole_folder:
            attributes["srcs"] = sorted(module.path.name for module in unit.modules)
        attributes["data"] = [*kernels, *_merge(unit.modules, "data")]
        attributes["deps"] = _labels(
            label.package,
            self._targets.deps(label),
            [*self._targets.third_party(unit.modules), *_merge(unit.modules, "deps")],
        )
        self._add(label.package, "max_py_library", attributes)

    def _kernels(self, label: Label, folder: Path) -> list[str]:
        """Adds a kernel library for each folder with C++ files and returns their labels."""
        names: list[str] = []
        for source in sorted(folder.rglob("*.cpp")):
            name = "_".join(source.relative_to(folder).with_suffix("").parts)
            headers = sorted(str(h.relative_to(folder)) for h in folder.rglob("*.h"))
            self._add(
                label.package,
                "max_cc_kernel",
                {"name": name, "srcs": [str(source.relative_to(folder))], "hdrs": headers},
            )
            names.append(f":{name}")
        return names

    def _add_binary(self, label: Label, module: Module) -> None:
        if label in self._targets.units:
            raise ValueError(f"{module.path}: a program cannot be named as its folder")
        attributes: dict[str, object] = {
            "name": label.name,
            **_testonly(label),
            "module": module.name,
            "deps": _labels(label.package, self._targets.runtime_deps([module])),
        }
        self._add(label.package, "max_py_binary", attributes)

    def _add_test(self, label: Label, module: Module) -> None:
        targets = self._targets
        conftests = targets.conftests(module)
        modules = [module, *(m for c in conftests for m in targets.units[c].modules)]
        deps = _labels(
            label.package,
            targets.runtime_deps(modules) | conftests,
            [*targets.third_party([module]), *_merge([module], "deps")],
        )
        for marker in marker_variants(module):
            attributes: dict[str, object] = {
                "name": f"{label.name}_{marker}" if marker else label.name,
                **({"size": "small"} if "size" not in module.directives and not marker else {}),
                **{key: module.directives[key] for key in _SETTINGS if key in module.directives},
                "srcs": [module.path.name],
                "data": _merge([module], "data"),
                **({"marker": marker} if marker else {}),
                "deps": deps,
            }
            self._add(label.package, "max_py_test", attributes)

    def _tree(self) -> list[str]:
        labels = [f"//{package}:sources" for package in self._rules if package != _TREE.package]
        labels += [f"//third_party/python:{file}.in" for file in REQUIREMENTS]
        return [":sources", *sorted(labels, key=_label_order)]

    def texts(self) -> dict[str, str]:
        """Returns the BUILD file of each package, without the part that is kept."""
        texts: dict[str, str] = {}
        for package, rules in sorted(self._rules.items()):
            kinds = sorted({kind for kind, _ in rules})
            loads = ", ".join(f'"{kind}"' for kind in kinds)
            parts = [f'load("//tools/build:defs.bzl", {loads})\n']
            parts.append('package(default_visibility = ["//visibility:public"])\n')
            parts += [text for _, text in rules]
            parts.append(_SOURCES)
            if package == _TREE.package:
                parts.append(_rule("filegroup", {"name": _TREE.name, "srcs": self._tree()}))
            texts[package] = HEADER + "\n" + "\n".join(parts)
        return texts


def kept_part(path: Path) -> str:
    """Returns the hand-written end of a BUILD file, from its KEPT line on."""
    if not path.exists():
        return ""
    _, separator, rest = path.read_text().partition(KEPT)
    return f"\n{separator}{rest}" if separator else ""


def is_generated(path: Path) -> bool:
    """Whether a BUILD file is the generator's to write."""
    return not path.exists() or path.read_text().startswith(HEADER)
