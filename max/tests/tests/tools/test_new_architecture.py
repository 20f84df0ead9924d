"""A scaffolded package imports and has parity unchanged, in the tree and outside."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from integration.test_common.every_tiny_model import tiny_model_of
from integration.test_common.parity import Pair, check_all, check_prompt
from integration.test_common.tiny_checkpoints import make_checkpoint
from max.pipelines import architectures
from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.modeling.types import PipelineTask
from tools.new_architecture import main
from tools.scaffold.base_family import find_family
from tools.scaffold.package import Names
from tools.scaffold.register import add_line


@pytest.fixture(autouse=True)
def forget_scaffolded_packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [n for n in sys.modules if n.split(".")[0].startswith("scaffolded")]:
        del sys.modules[name]
    PIPELINE_REGISTRY.reset()


def families_of_decoders() -> list[str]:
    every = PIPELINE_REGISTRY.all_architectures()
    return sorted({a.family for a in every if a.task is PipelineTask.TEXT_GENERATION})


def run(*args: str) -> str:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.output
    return result.output


def write_outside(base: str, tmp_path: Path) -> Pair:
    """A package that starts from a family, and a tiny checkpoint of the family under its name."""
    name = f"scaffolded_{base}"
    output = run(name, "--from", base, "--output", str(tmp_path))
    assert f"--custom-architectures {tmp_path / name}" in output
    family = find_family(base)
    assert family is not None
    folder = make_checkpoint(tiny_model_of(family.architecture.name), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    ours = Names.of(name, None).hugging_face
    (folder / "config.json").write_text(json.dumps(config | {"architectures": [ours]}))
    return Pair(folder, custom_architectures=(str(tmp_path / name),))


@pytest.mark.parametrize("base", ["gemma2", "llama3", "qwen2"])
def test_a_package_outside_the_tree_has_parity(base: str, tmp_path: Path) -> None:
    check_all(write_outside(base, tmp_path), chunks=(7,))


@pytest.mark.slow
@pytest.mark.parametrize("base", families_of_decoders())
def test_every_family_can_be_started_from(base: str, tmp_path: Path) -> None:
    check_prompt(write_outside(base, tmp_path), chunk=7)


def test_an_architecture_of_the_tree_gets_its_line_and_its_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Path(architectures.__file__)
    copy = tmp_path / "max/python/max/pipelines/architectures/__init__.py"
    copy.parent.mkdir(parents=True)
    shutil.copy(registry, copy)
    tests = tmp_path / "max/tests/tests/pipelines/architectures"
    tests.mkdir(parents=True)
    monkeypatch.setattr("tools.new_architecture.workspace_root", lambda: tmp_path)
    run("scaffolded_tree", "--from", "llama3", "--hf-name", "TreeForCausalLM")
    line = '    ("TreeForCausalLM", ".scaffolded_tree.arch", "scaffolded_tree_arch"),\n'
    assert line in copy.read_text()
    test = (tests / "test_scaffolded_tree.py").read_text()
    assert 'tiny_model_of("LlamaForCausalLM")' in test and '["TreeForCausalLM"]' in test
    for path in [copy, *tests.glob("*.py"), *(copy.parent / "scaffolded_tree").glob("*.py")]:
        compile(path.read_text(), str(path), "exec")


def test_lines_stay_in_order() -> None:
    names = [Names.of(n, None) for n in ("b_model", "a_model", "c_model")]
    source = 'A = (\n    ("AmForCausalLM", "x", "y"),\n)\n'
    for each in names:
        source = add_line(source, each)
    entries = source.splitlines()[1:-1]
    assert entries == sorted(entries) and len(entries) == 4
    with pytest.raises(ValueError, match="'BModelForCausalLM' is registered already"):
        add_line(source, names[0])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("My-Model",), "NAME must be a lower-case Python identifier, got 'My-Model'"),
        (
            ("m", "--from", "gpt9"),
            "no architecture family 'gpt9'; --from takes one of: bert, ",
        ),
        (("llama3",), "exists already"),
    ],
)
def test_bad_input_is_explained(args: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
