"""The layers of the tree: which package may import which.

`python3 -m tools.build.layers` (part of `./bazelw run //:lint`) lists every import that goes up.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
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
    (
        "max.pipelines.scheduling",
        "max.pipelines.lora",
        "max.pipelines.parsing",
        "max.pipelines.speculation",
    ),
    ("max.pipelines.kv_cache", "max.pipelines.sampling"),
    (
        "max.pipelines.checkpoint",
        "max.pipelines.config",
        "max.pipelines.context",
        "max.pipelines.modeling",
    ),
    ("max.nn",),
    ("max.distributed",),
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
    "max.pipelines.config",
    "max.pipelines.context",
    "max.pipelines.modeling",
    "max.dtype",
    "max.driver",
)
# Programs of their own among them, which no command imports.
NOT_LIGHT = ("max.benchmark.kernels",)

# The demo's training script is written against these alone.
DEMO_PACKAGES = frozenset({"numpy", "safetensors", "tokenizers", "torch", "tqdm", "transformers"})

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


def _is_light(module: str) -> bool:
    return _is_in(module, LIGHT) and not _is_in(module, NOT_LIGHT)


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


def check(index: ModuleIndex) -> list[Violation]:
    """Returns every import of the package `max` that its layers forbid."""
    found: list[Violation] = []
    for module in index.modules.values():
        if module.name.split(".")[0] != "max":
            continue
        path = module.path.relative_to(index.root)
        if module.name not in FACADES and layer_of(module.name) is None:
            message = f"{module.name} is in no layer: name it in tools/build/layers.py"
            found.append(Violation(path, 1, message))
            continue
        in_demo = module.name.startswith("max.demo")
        for imported in module.imports:
            top = imported.module.split(".")[0]
            if top == "max":
                for target in index.resolve(imported):
                    if wrong := _check_import(module, imported, target):
                        found.append(Violation(path, imported.line, wrong))
            elif top in HEAVY and imported.at_import_time and _is_light(module.name):
                message = (
                    f"{module.name} imports {top} when it is imported: import it where it is used"
                )
                found.append(Violation(path, imported.line, message))
            elif in_demo and top not in DEMO_PACKAGES and top not in sys.stdlib_module_names:
                message = f"{module.name} imports {top}: max.demo uses {sorted(DEMO_PACKAGES)} only"
                found.append(Violation(path, imported.line, message))
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
