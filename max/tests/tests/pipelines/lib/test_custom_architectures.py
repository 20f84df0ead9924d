"""Packages from outside the tree. Each test has package names of its own: imports are for ever."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.lib.custom_architectures import load_custom_architectures, parse_spec
from max.pipelines.lib.registry import PipelineRegistry
from max.pipelines.modeling.types import TextGenerationRequest
from tests.pipelines.lib.tiny_llama import PACKAGE, make_config, make_package, make_tiny_llama


@pytest.fixture(autouse=True)
def leave_no_trace() -> Iterator[None]:
    """Takes back what a test adds to `sys.path` and to the registry."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    PIPELINE_REGISTRY.reset()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the user stands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "folder", "name"),
    [
        ("pkg", "", "pkg"),
        ("a/b/pkg", "a/b", "pkg"),
        ("a/b/pkg/", "a/b", "pkg"),
        ("./pkg", "", "pkg"),
        ("a/b:pkg", "a/b", "pkg"),
        ("a/b:pkg.inner", "a/b", "pkg.inner"),
        ("a/../b:pkg", "b", "pkg"),
    ],
)
def test_relative_specs(here: Path, spec: str, folder: str, name: str) -> None:
    assert parse_spec(spec) == (here / folder, name)


def test_absolute_specs(here: Path) -> None:
    assert parse_spec("/x/y/pkg") == (Path("/x/y"), "pkg")
    assert parse_spec("/x/y:pkg") == (Path("/x/y"), "pkg")


def test_relative_to_the_caller_of_bazel_run(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", "/caller")
    assert parse_spec("a/pkg") == (Path("/caller/a"), "pkg")
    assert parse_spec("a:pkg") == (Path("/caller/a"), "pkg")


@pytest.mark.parametrize("form", ["{folder}/{name}", "{folder}:{name}"])
@pytest.mark.parametrize("absolute", [False, True])
def test_both_forms_serve(here: Path, form: str, absolute: bool) -> None:
    name = f"my_arch_{'absolute' if absolute else 'relative'}_{form.count(':')}"
    make_package(here / "archs", name, PACKAGE.format(name="MyLlamaForCausalLM"))
    model = make_tiny_llama(here / "model", "MyLlamaForCausalLM")
    spec = form.format(folder=here / "archs" if absolute else "archs", name=name)
    _, pipeline = PIPELINE_REGISTRY.retrieve(make_config(model, custom_architectures=[spec]))
    assert type(pipeline.pipeline_model).__module__ == name
    (output,) = pipeline.generate([TextGenerationRequest(prompt="Hi")])
    assert output.tokens


def test_same_name_wins_over_the_tree_with_a_warning(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_package(here, "my_override", PACKAGE.format(name="LlamaForCausalLM"))
    config = make_config(make_tiny_llama(here / "model"), custom_architectures=["my_override"])
    with caplog.at_level(logging.WARNING):
        architecture = PIPELINE_REGISTRY.resolve(config)
        PIPELINE_REGISTRY.resolve(config)
    assert architecture.pipeline_model.__module__ == "my_override"
    overriding = [r for r in caplog.records if "Overriding existing" in r.getMessage()]
    assert len(overriding) == 1  # imported once
    PIPELINE_REGISTRY.reset()
    tree = PIPELINE_REGISTRY.retrieve_architecture("LlamaForCausalLM")
    assert tree.pipeline_model.__module__ == "max.pipelines.architectures.llama3.model"


def test_too_many_colons() -> None:
    with pytest.raises(ValueError, match="Custom module spec contains too many colons: a:b:c"):
        load_custom_architectures("a:b:c")


@pytest.mark.parametrize("spec", ["no_such_package", "nowhere:no_such_package"])
def test_no_such_package(here: Path, spec: str) -> None:
    with pytest.raises(ValueError, match=f"Failed to import custom model from: {spec}") as caught:
        load_custom_architectures(spec)
    assert "--custom-architectures" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("without_list", "x = 1"),
        ("with_number", "ARCHITECTURES = 5"),
        ("with_nothing", "ARCHITECTURES = []"),
        ("with_names", "ARCHITECTURES = ['LlamaForCausalLM']"),
    ],
)
def test_no_list_of_architectures(here: Path, name: str, text: str) -> None:
    make_package(here, name, text)
    with pytest.raises(ValueError, match="did not expose an `ARCHITECTURES` list") as caught:
        load_custom_architectures(name)
    assert f"Module: {name}" in str(caught.value)


def test_the_package_folder_s_parent_is_no_package(here: Path) -> None:
    """The usual mistake: the folder that holds the package."""
    make_package(here / "holder", "my_inner", PACKAGE.format(name="X"))
    with pytest.raises(ValueError, match="did not expose an `ARCHITECTURES` list"):
        load_custom_architectures("holder")


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("missing_import", "import no_such_module", ModuleNotFoundError, "no_such_module"),
        ("missing_name", "from max.nn import NoSuchLayer", ImportError, "NoSuchLayer"),
        ("broken_syntax", "def f(:", SyntaxError, "invalid syntax"),
        ("raising", "raise RuntimeError('mine')", RuntimeError, "mine"),
        ("missing_sibling", "from missing_sibling import arch", ImportError, "arch"),
    ],
)
def test_an_error_inside_the_package_is_shown_as_itself(
    here: Path, name: str, text: str, error: type[Exception], message: str
) -> None:
    make_package(here, name, text)
    with pytest.raises(error, match=message) as caught:
        PipelineRegistry().import_custom_architectures([name])
    assert any(Path(str(entry.path)).parent.name == name for entry in caught.traceback) or (
        isinstance(caught.value, SyntaxError)
    )


def test_the_folder_around_the_package_is_named(here: Path) -> None:
    make_package(here / "around", "my_inner", PACKAGE.format(name="X"))
    with pytest.raises(ValueError, match=r"no __init__\.py.* did you mean .*/around/my_inner\?"):
        load_custom_architectures("around")


@pytest.mark.parametrize("spec", ["", ":", "folder:"])
def test_a_spec_without_a_package(spec: str) -> None:
    with pytest.raises(ValueError, match="Custom module spec names no package"):
        load_custom_architectures(spec)


def test_a_file_is_no_package(here: Path) -> None:
    make_package(here, "my_file", "ARCHITECTURES = []")
    with pytest.raises(ValueError, match="It is a file"):
        load_custom_architectures("my_file/__init__.py")


def test_a_package_that_ends_the_program(here: Path) -> None:
    make_package(here, "my_exit", "import sys; sys.exit(3)")
    with pytest.raises(ValueError, match=r"ends the program .*sys\.exit\(3\)"):
        load_custom_architectures("my_exit")


def test_a_package_that_another_module_hides(here: Path) -> None:
    make_package(here, "json", PACKAGE.format(name="X"))
    with pytest.raises(ValueError, match=r"Another module .*json/__init__\.py, hides"):
        load_custom_architectures("json")


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("my_eager", "from max.experimental import nn", "max.experimental is documented and not"),
        ("my_old", "import max.interfaces.tokens", "an earlier name of max.pipelines.modeling.ty"),
        ("my_sharded", "from max.graph import ShardingStrategy", "runs a model on one device"),
        ("my_signals", "from max import nn; nn.Signals", "max.nn.Signals is documented and not in"),
    ],
)
def test_an_absent_name_is_explained(here: Path, name: str, text: str, note: str) -> None:
    make_package(here, name, text)
    with pytest.raises((ImportError, AttributeError)) as caught:
        load_custom_architectures(name)
    assert note in caught.value.__notes__[0]
