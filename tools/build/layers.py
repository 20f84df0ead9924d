"""The layers of the tree: which package may import which.

`python3 -m tools.build.layers` (part of `./bazelw run //:lint`) lists every import that goes up.
"""

from __future__ import annotations

import graphlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.build.imports import Import, Module, workspace_root
from tools.build.modules import ModuleIndex, scan

# From the top down. An import may go to a lower line, or to another name on its own line.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("max.entrypoints", "max.benchmark"),
    ("max.serve",),
    ("max.pipelines.architectures",),
    ("max.pipelines.lib",),
    ("max.pipelines.scheduling", "max.pipelines.lora", "max.pipelines.parsing"),
    ("max.pipelines.kv_cache", "max.pipelines.sampling"),
    (
        "max.pipelines.checkpoint",
        "max.pipelines.config",
        "max.pipelines.context",
        "max.pipelines.modeling",
    ),
    ("max.nn",),
    ("max.engine",),
    ("max.kernels",),
    ("max.graph",),
    ("max.driver",),
    ("max.dtype",),
    ("max.demo",),
)

# Packages that only export names of the layers inside them, lazily (PEP 562): importing
# anything below them runs their __init__. As something imported, they stand where the highest
# name that they export stands.
FACADES = {"max": "max.dtype", "max.pipelines": "max.pipelines.lib"}

# Packages that must not be imported when these are (the command line answers in under a second).
HEAVY = frozenset({"torch", "transformers", "huggingface_hub"})
LIGHT = (
    "max.entrypoints",
    "max.benchmark",
    "max.pipelines.checkpoint",
    "max.pipelines.config",
    "max.pipelines.context",
    "max.pipelines.modeling",
    "max.dtype",
    "max.driver",
)

# The demo's training is written against these alone.
DEMO = "tools.demo"
DEMO_PACKAGES = frozenset(
    {"numpy", "peft", "safetensors", "tokenizers", "torch", "tqdm", "transformers"}
)

# A scan that finds fewer files than this looked in the wrong place.
MIN_FILES = 50


@dataclass(frozen=True)
class Violation:
    """One import that the layers forbid."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def layer_of(module: str) -> int | None:
    """Returns a module's position in LAYERS, 0 at the top; None when no layer names it."""
    name = FACADES.get(module, module)
    for position, names in enumerate(LAYERS):
        if any(name == prefix or name.startswith(prefix + ".") for prefix in names):
            return position
    return None


def _is_in(module: str, packages: Sequence[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in packages)


def _check_import(module: Module, imported: Import, target: str) -> str | None:
    """Returns what is wrong with one first-party import, or None."""
    if module.name in FACADES:
        if imported.at_import_time and target not in FACADES:
            return f"{module.name} only exports lazily, but imports {target} when it is imported"
        return None
    source_layer, target_layer = layer_of(module.name), layer_of(target)
    if target_layer is None:
        return f"{target} is in no layer: name it in tools/build/layers.py"
    if source_layer is not None and target_layer < source_layer:
        upper, lower = LAYERS[target_layer][0], LAYERS[source_layer][0]
        return f"{module.name} imports {target}: {upper} is above {lower}"
    return None


def _check_outside(module: Module, top: str, *, at_import_time: bool) -> str | None:
    """Returns what is wrong with importing something that is not of the package `max`, or None."""
    if _is_in(module.name, ["max"]) and top == "tools":
        return f"{module.name} imports tools: they are no part of the package"
    if top in HEAVY and at_import_time and _is_in(module.name, LIGHT):
        return f"{module.name} imports {top} when it is imported: import it where it is used"
    allowed = top in DEMO_PACKAGES or top in sys.stdlib_module_names or top == "tools"
    if _is_in(module.name, [DEMO]) and not allowed:
        return f"{module.name} imports {top}: {DEMO} uses {sorted(DEMO_PACKAGES)} only"
    return None


def _circle(index: ModuleIndex) -> Iterator[Violation]:
    """Finds a circle of imports, those in functions included: rooms that need each other are one.

    What only type checkers read is left out: a value may name the type of what holds it.
    """
    imports: dict[str, dict[str, int]] = {}
    for module in index.modules.values():
        if not _is_in(module.name, ["max", "tools"]):
            continue
        found = imports.setdefault(module.name, {})
        for imported in module.imports:
            if not imported.type_checking:
                found |= dict.fromkeys(index.resolve(imported), imported.line)
        found.pop(module.name, None)
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        *_, first, last = circle = list(reversed(error.args[1]))
        line = imports[first][last]
        path = index.modules[first].path.relative_to(index.root)
        yield Violation(path, line, f"imports go in a circle: {' -> '.join(circle)}")


def check(index: ModuleIndex) -> list[Violation]:
    """Returns every forbidden import of the package `max` and the demo's training, and a circle."""
    found = list(_circle(index))
    for module in index.modules.values():
        is_max = module.name.split(".")[0] == "max"
        if not is_max and not _is_in(module.name, [DEMO]):
            continue
        path = module.path.relative_to(index.root)
        if is_max and module.name not in FACADES and layer_of(module.name) is None:
            message = f"{module.name} is in no layer: name it in tools/build/layers.py"
            found.append(Violation(path, 1, message))
            continue
        for imported in module.imports:
            top = imported.module.split(".")[0]
            if top == "max":
                for target in index.resolve(imported):
                    if wrong := _check_import(module, imported, target):
                        found.append(Violation(path, imported.line, wrong))
            elif wrong := _check_outside(module, top, at_import_time=imported.at_import_time):
                found.append(Violation(path, imported.line, wrong))
    return found


def check_tree(root: Path, *, min_files: int = MIN_FILES) -> list[Violation]:
    """Checks a source tree; raises ValueError when suspiciously few files are in it."""
    index = scan(root)
    count = sum(name.split(".")[0] == "max" for name in index.modules)
    if count < min_files:
        raise ValueError(
            f"only {count} modules of `max` under {root}, expected at least {min_files}: "
            "is this the source tree, are the sources in the test's data?"
        )
    return check(index)


def main() -> int:
    """Prints the violations of the workspace and returns the exit code."""
    violations = check_tree(workspace_root())
    for violation in violations:
        print(violation)
    print(f"layers: {len(violations)} forbidden imports")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
