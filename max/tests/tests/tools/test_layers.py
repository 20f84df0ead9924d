"""The layers: this tree keeps them, and what breaks them is found."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tools.build.imports import workspace_root
from tools.build.layers import LAYERS, check, check_tree
from tools.build.modules import scan

# build: data = ["//tools/build:tree"]

MakeTree = Callable[[dict[str, str]], Path]


def messages(root: Path) -> list[str]:
    return [str(violation) for violation in check(scan(root))]


def test_this_tree_keeps_its_layers() -> None:
    assert [str(violation) for violation in check_tree(workspace_root())] == []


def test_a_scan_of_the_wrong_folder_fails(make_tree: MakeTree) -> None:
    root = make_tree({"max/python/max/nn/linear.py": ""})
    with pytest.raises(ValueError, match=r"only 3 modules of `max` under .*, expected at least 50"):
        check_tree(root)


def test_an_import_down_or_beside_is_allowed(make_tree: MakeTree) -> None:
    files = {
        "max/python/max/nn/linear.py": "from max.graph.graph import Graph\nimport torch\n",
        "max/python/max/graph/graph.py": "class Graph: ...\n",
        "max/python/max/pipelines/config/a.py": "from max.pipelines.context import b\n",
        "max/python/max/pipelines/context/b.py": "",
    }
    assert messages(make_tree(files)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "from max.nn.linear import Linear",
        "from max.nn import linear",
        "import max.nn.linear",
        "from ..nn import linear",
        "def f():\n    from max.nn.linear import Linear",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from max.nn.linear import Linear",
    ],
)
def test_an_import_up_is_found_in_every_form(make_tree: MakeTree, statement: str) -> None:
    files = {"max/python/max/graph/graph.py": statement, "max/python/max/nn/linear.py": ""}
    (message,) = messages(make_tree(files))
    assert message.startswith("max/python/max/graph/graph.py:")
    assert message.endswith("max.graph.graph imports max.nn.linear: max.nn is above max.graph")


def test_every_layer_but_the_first_must_not_import_the_one_above(make_tree: MakeTree) -> None:
    files = {f"max/python/{names[0].replace('.', '/')}/mod.py": "" for names in LAYERS}
    for upper, lower in pairwise(LAYERS):
        files[f"max/python/{lower[0].replace('.', '/')}/mod.py"] = f"import {upper[0]}.mod\n"
    assert len(messages(make_tree(files))) == len(LAYERS) - 1


@pytest.mark.parametrize("back", ["import max.nn.a", "def f():\n    from max.nn import a"])
def test_a_circle_of_imports_is_found(make_tree: MakeTree, back: str) -> None:
    files = {
        "max/python/max/nn/a.py": "from max.nn.b import B\n",
        "max/python/max/nn/b.py": "import torch\nimport max.nn.c\n",
        "max/python/max/nn/c.py": back,
    }
    (message,) = messages(make_tree(files))
    assert "imports go in a circle: " in message
    assert all(f"max.nn.{name} -> " in message for name in "abc")
    only_typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import max.nn.a\n"
    assert messages(make_tree({**files, "max/python/max/nn/c.py": only_typed})) == []


def test_a_package_that_no_layer_names_is_found(make_tree: MakeTree) -> None:
    files = {"max/python/max/extra/mod.py": "", "max/python/max/nn/a.py": "import max.extra.mod\n"}
    found = messages(make_tree(files))
    for path in ("extra/mod.py", "nn/a.py"):
        wanted = f"max/python/max/{path}:1: max.extra.mod is in no layer: name it in tools/build"
        assert any(message.startswith(wanted) for message in found)


def test_a_facade_may_import_the_layers_only_lazily(make_tree: MakeTree) -> None:
    lazy = (
        "def __getattr__(name):\n    from max.pipelines import lib\n    return getattr(lib, name)\n"
    )
    files = {
        "max/python/max/pipelines/__init__.py": lazy + "from max.pipelines.lib import x\n",
        "max/python/max/pipelines/lib/x.py": "",
        "max/python/max/pipelines/config/a.py": "from max.pipelines import something\n",
    }
    found = messages(make_tree(files))
    assert len(found) == 2
    assert "max.pipelines only exports lazily" in found[0]
    assert "max.pipelines.config.a imports max.pipelines: max.pipelines.lib is above" in found[1]


@pytest.mark.parametrize("package", ["entrypoints", "pipelines/config", "driver"])
def test_heavy_imports_of_light_packages_are_found(make_tree: MakeTree, package: str) -> None:
    lazy = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"
    lazy += "def f():\n    import transformers\n"
    files = {f"max/python/max/{package}/a.py": lazy}
    assert messages(make_tree(files)) == []
    files = {f"max/python/max/{package}/a.py": lazy + "import torch.nn\n"}
    (message,) = messages(make_tree(files))
    assert "imports torch when it is imported" in message


def test_the_demo_keeps_to_its_packages(make_tree: MakeTree) -> None:
    text = "import json\nimport max.demo.path\nimport tools.demo.words\nimport pydantic\n"
    files = {"tools/demo/train.py": text, "max/python/max/demo/path.py": ""}
    (message,) = messages(make_tree(files))
    assert "tools/demo/train.py:4: tools.demo.train imports pydantic" in message


def test_the_package_imports_no_tools(make_tree: MakeTree) -> None:
    files = {"max/python/max/benchmark/a.py": "import tools.benchmarks.b\n"}
    (message,) = messages(make_tree({**files, "tools/benchmarks/b.py": ""}))
    assert message.endswith("max.benchmark.a imports tools: they are no part of the package")
