# build: timeout = "long"

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from integration.test_common.every_tiny_model import tiny_model_of
from integration.test_common.tiny_checkpoints import make_checkpoint
from max.pipelines.lib import PIPELINE_REGISTRY
from tools.check_architecture import main, markdown
from tools.new_architecture import main as new_architecture
from tools.scaffold.package_review import Finding, review_imports, review_package


def write(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "__init__.py").write_text(text)
    return folder


def test_an_architecture_of_the_tree_is_fine() -> None:
    llama = next(a for a in PIPELINE_REGISTRY.all_architectures() if a.name == "LlamaForCausalLM")
    import max.pipelines.architectures as tree

    folder = Path(tree.__file__).parent / llama.family
    found = review_package(folder, in_tree=True)
    assert found.passed and "`LlamaForCausalLM` (text_generation)" in found.details
    assert review_imports(folder) == Finding("layers", True, "imports nothing above it or private")


def test_what_breaks_while_it_is_imported_is_shown_as_itself(tmp_path: Path) -> None:
    folder = write(tmp_path / "broken_package_1", "import a_module_that_is_not_there\n")
    found = review_package(folder, in_tree=False)
    assert not found.passed
    assert found.details == "ModuleNotFoundError: No module named 'a_module_that_is_not_there'"


def test_imports_from_above_and_private_ones_are_named(tmp_path: Path) -> None:
    text = "from max.serve import config\nfrom max.nn._hidden import thing\nimport max.nn\n"
    found = review_imports(write(tmp_path / "leaning", text))
    assert not found.passed
    assert "__init__.py:1 imports max.serve.config: max.serve is above" in found.details
    assert "__init__.py:2 imports max.nn._hidden.thing: it is private" in found.details
    assert ":3" not in found.details


def test_report() -> None:
    text = markdown("mine", [Finding("a", True, ""), Finding("b", False, "x | y")])
    assert text.splitlines()[0] == "## mine: 1 of 2 checks fail"
    assert text.splitlines()[-1] == "| ❌ | b | x / y |"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--model", "."], "a family of the tree: "),
        (["llama3", "--model", "nothing"], "is no folder of a checkpoint"),
    ],
)
def test_mistakes(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_scaffolded_package_passes_every_check(tmp_path: Path) -> None:
    """All checks run on a package as new_architecture writes it."""
    name = "LlamaForCausalLM"
    arguments = ["scaffolded_checked", "--hf-name", name, "--output", str(tmp_path)]
    assert CliRunner().invoke(new_architecture, arguments).exit_code == 0
    model = make_checkpoint(tiny_model_of(name), tmp_path / "model")
    report = tmp_path / "report.md"
    package = tmp_path / "scaffolded_checked"
    result = CliRunner().invoke(
        main, [str(package), "--model", str(model), "--report", str(report)]
    )
    assert result.exit_code == 0, result.output
    text = report.read_text()
    assert text.startswith("## scaffolded_checked: every check passes")
    for check in ("imports", "layers", "mypy", "parity in bfloat16", "one segment", "serve"):
        assert f"| ✅ | {check} |" in text
