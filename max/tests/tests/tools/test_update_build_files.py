"""BUILD files follow from the imports: this tree's are up to date, and every rule has a sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools import update_build_files
from tools.build.build_files import HEADER, KEPT
from tools.build.imports import workspace_root
from tools.update_build_files import plan, stale_files

# build: data = ["//tools/build:tree"]

MakeTree = Callable[[dict[str, str]], Path]


def build_file(root: Path, package: str) -> str:
    return plan(root, min_files=1).files[root / package / "BUILD.bazel"]


def rule(root: Path, package: str, name: str) -> str:
    """Returns one target of a generated BUILD file."""
    rules = build_file(root, package).split("\n\n")
    (found,) = (text for text in rules if f'    name = "{name}",\n' in text)
    return found.strip()


def problems(root: Path) -> list[str]:
    return plan(root, min_files=1).problems


def test_this_tree_is_up_to_date() -> None:
    root = workspace_root()
    wanted = plan(root)
    assert wanted.problems == []
    differing = [p for p, text in wanted.files.items() if not p.exists() or p.read_text() != text]
    assert differing == [], "run ./bazelw run //tools:update_build_files"
    assert list(stale_files(root, wanted.files)) == []


def test_suspiciously_few_sources_are_an_error(make_tree: MakeTree) -> None:
    with pytest.raises(ValueError, match=r"Python files under .*, expected at least 50"):
        plan(make_tree({"max/python/max/nn/linear.py": ""}))


def test_a_folder_of_a_layer_is_one_library_with_its_imports(make_tree: MakeTree) -> None:
    files = {
        "max/python/max/nn/norm/rms.py": "def f():\n    import yaml\n",
        "max/python/max/nn/linear.py": "import os\nimport torch.nn\nfrom max.graph import Graph\n",
        "max/python/max/graph/graph.py": "",
    }
    root = make_tree(files)
    assert rule(root, "max/python/max/nn", "nn") == (
        "max_py_library(\n"
        '    name = "nn",\n'
        "    deps = [\n"
        '        "//max/python/max",\n'
        '        "//max/python/max/graph",\n'
        '        "@pip//:numpy",\n'
        '        "@pip//:pyyaml",\n'
        '        "@pip//:torch",\n'
        "    ],\n"
        ")"
    )
    assert problems(root) == []


def test_imports_for_type_checking_are_no_deps(make_tree: MakeTree) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import max.graph.graph\n"
    files = {"max/python/max/nn/a.py": text, "max/python/max/graph/graph.py": ""}
    assert "graph" not in rule(make_tree(files), "max/python/max/nn", "nn")


def test_kernels_are_data_of_their_folder(make_tree: MakeTree) -> None:
    files = {
        "max/python/max/kernels/swiglu/op.py": "",
        "max/python/max/kernels/swiglu/cpu.cpp": "",
        "max/python/max/kernels/common.h": "",
    }
    root = make_tree(files)
    kernel = rule(root, "max/python/max/kernels", "swiglu_cpu")
    assert 'srcs = ["swiglu/cpu.cpp"]' in kernel
    assert 'hdrs = ["common.h"]' in kernel
    assert 'data = [":swiglu_cpu"]' in rule(root, "max/python/max/kernels", "kernels")
    assert "swiglu" not in build_file(root, "max/python/max")


def test_what_is_named_in_strings_is_a_dep_of_programs_and_tests_alone(make_tree: MakeTree) -> None:
    registry = 'FAMILIES = ["max.pipelines.architectures"]\n'
    families = 'import max.pipelines.lib.registry\nFAMILIES = [".llama3"]\n'
    main = 'import max.pipelines.lib.registry\nif __name__ == "__main__":\n    pass\n'
    root = make_tree(
        {
            "max/python/max/pipelines/lib/registry.py": registry,
            "max/python/max/pipelines/architectures/__init__.py": families,
            "max/python/max/pipelines/architectures/llama3/arch.py": "import torch\n",
            "max/python/max/entrypoints/pipelines.py": main,
            "max/tests/tests/lib/test_registry.py": "import max.pipelines.lib.registry\n",
        }
    )
    family = '"//max/python/max/pipelines/architectures/llama3"'
    assert family not in rule(root, "max/python/max/pipelines/lib", "lib")
    program = rule(root, "max/python/max/entrypoints", "pipelines")
    assert program.startswith("max_py_binary(")
    assert 'module = "max.entrypoints.pipelines"' in program
    assert family in program
    assert family in rule(root, "max/tests/tests/lib", "test_registry")


def test_code_in_a_tests_strings_makes_deps(make_tree: MakeTree) -> None:
    test = '"""About max.graph.b."""\nCODE = "import sys; from max.nn.a import x; sys.exit(x)"\n'
    root = make_tree(
        {
            "max/python/max/nn/a.py": "",
            "max/python/max/graph/b.py": "",
            "max/tests/tests/test_it.py": test,
        }
    )
    found = rule(root, "max/tests/tests", "test_it")
    assert '"//max/python/max/nn"' in found
    assert "graph" not in found


def test_a_facade_exports_without_depending(make_tree: MakeTree) -> None:
    facade = (
        "def __getattr__(name):\n    from max.pipelines import lib\n    return getattr(lib, name)\n"
    )
    root = make_tree(
        {
            "max/python/max/pipelines/__init__.py": facade,
            "max/python/max/pipelines/lib/registry.py": "",
            "max/tests/tests/test_facade.py": "from max.pipelines import REGISTRY\n",
        }
    )
    assert "pipelines/lib" not in rule(root, "max/python/max/pipelines", "pipelines")
    assert '"//max/python/max/pipelines/lib"' in rule(root, "max/tests/tests", "test_facade")
    assert problems(root) == []


def test_a_test_file_depends_on_the_conftests_above_it(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "max/tests/conftest.py": "import numpy\n",
            "max/tests/tests/nn/conftest.py": "",
            "max/tests/tests/nn/helpers.py": "",
            "max/tests/tests/nn/test_a.py": "import torch\nfrom tests.nn.helpers import x\n",
        }
    )
    test = rule(root, "max/tests/tests/nn", "test_a")
    for label in (":conftest", ":nn", "//max/tests:conftest", "@pip//:torch"):
        assert f'"{label}"' in test
    assert 'srcs = ["helpers.py"]' in rule(root, "max/tests/tests/nn", "nn")


def test_markers_and_directives_become_targets_and_attributes(make_tree: MakeTree) -> None:
    mixed = "# build: size = 'large'\n# build: data = ['//docs']\n# build: data = ['//a']\n"
    mixed += "import pytest\n"
    mixed += "@pytest.mark.slow\ndef test_a(): ...\ndef test_b(): ...\n"
    whole = "import pytest\npytestmark = pytest.mark.gpu\ndef test_a(): ...\n"
    each = "import pytest\n@pytest.mark.bench\ndef test_a(): ...\n"
    root = make_tree(
        {
            "max/tests/tests/test_mixed.py": mixed,
            "max/tests/tests/test_whole.py": whole,
            "max/tests/tests/test_each.py": each,
        }
    )
    assert "marker" not in rule(root, "max/tests/tests", "test_mixed")
    slow = rule(root, "max/tests/tests", "test_mixed_slow")
    for attribute in ('marker = "slow"', 'size = "large"', '"//a"', '"//docs"'):
        assert attribute in slow
    assert 'marker = "gpu"' in rule(root, "max/tests/tests", "test_whole_gpu")
    assert 'marker = "bench"' in rule(root, "max/tests/tests", "test_each_bench")
    for name in ("test_whole", "test_each"):
        assert f'name = "{name}",' not in build_file(root, "max/tests/tests")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import requests\n", "a.py:1: requests is not in third_party/python/requirements.in"),
        ("from max.graph.lost import x\n", "a.py:1: there is no module max.graph.lost"),
        ("from .lost import x\n", "a.py:1: there is no module max.nn.lost"),
    ],
)
def test_imports_of_what_is_not_there_are_problems(
    make_tree: MakeTree, text: str, message: str
) -> None:
    (found,) = problems(make_tree({"max/python/max/nn/a.py": text}))
    assert message in found


def test_wheels_come_from_the_set_of_their_place(make_tree: MakeTree) -> None:
    root = make_tree(
        {
            "third_party/python/requirements_dev.in": "pytest\ntriton\n",
            "third_party/python/requirements_clients.in": "pytest\nlitellm\n",
            "max/python/max/nn/a.py": "import torch\ndef gpu():\n    import triton\n",
            "max/python/max/graph/b.py": "import pytest\n",
            "max/tests/tests/nn/test_a.py": "import pytest\nimport triton\nimport yaml\n",
            "max/tests/clients/test_litellm.py": "import litellm\nimport pytest\n",
            "max/tests/clients/test_torch.py": "import torch\n",
        }
    )
    assert "triton" not in rule(root, "max/python/max/nn", "nn")
    test = rule(root, "max/tests/tests/nn", "test_a")
    for wheel in ("@pip//:pyyaml", "@pip_dev//:pytest", "@pip_dev//:triton"):
        assert wheel in test
    client = rule(root, "max/tests/clients", "test_litellm")
    assert "@pip_clients//:litellm" in client
    assert "@pip_clients//:pytest" in client
    library, test = sorted(problems(root))
    assert "b.py:1: pytest is not in third_party/python/requirements.in (" in library
    assert "torch is not in third_party/python/requirements_clients.in" in test


def test_libraries_that_need_each_other_are_a_problem(make_tree: MakeTree) -> None:
    files = {
        "max/python/max/nn/a.py": "import max.graph.b\n",
        "max/python/max/graph/b.py": "x = 1\nimport max.nn.a\n",
    }
    (found,) = problems(make_tree(files))
    assert "//max/python/max/graph and //max/python/max/nn need each other" in found
    assert "max/python/max/graph/b.py:2 imports max.nn.a" in found
    assert "max/python/max/nn/a.py:1 imports max.graph.b" in found


def test_update_writes_keeps_and_removes(
    make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {f"max/python/max/nn/layer_{number}.py": "" for number in range(60)}
    kept = KEPT + 'exports_files(["x.txt"])\n'
    root = make_tree(
        {
            **many,
            "max/python/max/nn/BUILD.bazel": HEADER + "old()\n" + kept,
            "tools/gone/BUILD.bazel": HEADER,
            "max/python/max/graph/BUILD.bazel": "# by hand\n",
            "max/python/max/graph/b.py": "",
        }
    )
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(root))
    assert update_build_files.main(["--check"]) == 1
    assert "out of date: max/python/max/nn/BUILD.bazel" in capsys.readouterr().out
    assert update_build_files.main([]) == 0
    text = (root / "max/python/max/nn/BUILD.bazel").read_text()
    assert 'name = "nn"' in text
    assert "old()" not in text
    assert text.endswith(kept)
    assert not (root / "tools/gone/BUILD.bazel").exists()
    assert (root / "max/python/max/graph/BUILD.bazel").read_text() == "# by hand\n"
    assert update_build_files.main(["--check"]) == 0
