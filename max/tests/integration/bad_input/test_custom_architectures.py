"""Malformed packages of `--custom-architectures`; each has a name of its own: imports stay."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.bad_input.refusal import USAGE_ERROR, generate, refusal

BASE = """
from dataclasses import replace
from max.graph.weights import WeightsFormat
from max.pipelines.architectures.llama3.arch import llama_arch
from max.pipelines.architectures.llama3.model import Llama3Model
"""


@pytest.fixture(autouse=True)
def import_path() -> Iterator[None]:
    """Takes back what a test adds to `sys.path`."""
    before = list(sys.path)
    yield
    sys.path[:] = before


def make_package(folder: Path, name: str, text: str) -> str:
    """Writes the package; gives its name."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(text)
    return name


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("bad_without", "", ["did not expose an `ARCHITECTURES` list", "bad_without"]),
        ("bad_empty", "ARCHITECTURES = []", ["did not expose an `ARCHITECTURES` list"]),
        ("bad_model", f"{BASE}ARCHITECTURES = [replace(llama_arch, pipeline_model=object)]",
         ["must be a subclass of PipelineModel"]),
        ("bad_tokenizer", f"{BASE}ARCHITECTURES = [replace(llama_arch, tokenizer='T')]",
         ["tokenizer of 'LlamaForCausalLM' must be a class or a function", "'T'"]),
        ("bad_exit", "import sys; sys.exit(3)", ["bad_exit", "sys.exit(3)"]),
        ("bad_adapter", f"""{BASE}
def forgetful(state_dict, **unused):
    pass
ARCHITECTURES = [replace(llama_arch, weight_adapters={{WeightsFormat.safetensors: forgetful}})]
""", ["the weight adapter 'forgetful' must return a dict", "NoneType"]),
    ],
)  # fmt: skip
def test_what_a_package_defines(
    good_model: Path, user: Path, name: str, text: str, told: list[str]
) -> None:
    spec = make_package(user, name, text)
    refusal(generate(good_model, "--custom-architectures", spec), *told)


@pytest.mark.parametrize(
    ("name", "keywords", "told"),
    [
        ("bad_encoding", "supported_encodings={'bf16'}", ["['bf16']; known: float32"]),
        ("bad_required", "required_arguments={'magic': 1}", ["requires magic=1"]),
        ("bad_limit", "required_arguments={'max_batch_size': 0}", ["max_batch_size=0", "to 1"]),
    ],
)  # fmt: skip
def test_settings_that_a_package_asks_for(
    good_model: Path, user: Path, name: str, keywords: str, told: list[str]
) -> None:
    spec = make_package(user, name, f"{BASE}ARCHITECTURES = [replace(llama_arch, {keywords})]")
    result = generate(good_model, "--custom-architectures", spec)
    refusal(result, *told, exit_code=USAGE_ERROR)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("no_such_package", "Failed to import custom model from: no_such_package"),
        ("nowhere:no_such_package", "Failed to import custom model from: nowhere:no_such_package"),
        ("a:b:c", "Custom module spec contains too many colons: a:b:c"),
        ("folder:", "names no package: 'folder:'"),
    ],
)
def test_specs(good_model: Path, spec: str, told: str) -> None:
    refusal(generate(good_model, "--custom-architectures", spec), told, "package")


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("bad_import", "import no_such_module_anywhere", "import no_such_module_anywhere"),
        ("bad_syntax", "def f(:", "def f(:"),
        ("bad_keyword", f"{BASE}replace(llama_arch, nam='X')", "replace(llama_arch, nam='X')"),
        ("bad_loading", f"""{BASE}
class Model(Llama3Model):
    def load_model(self, session):
        raise ValueError("no such layer")
ARCHITECTURES = [replace(llama_arch, pipeline_model=Model)]
""", 'raise ValueError("no such layer")'),
    ],
)  # fmt: skip
def test_error_in_a_package_leads_to_its_line(
    good_model: Path, user: Path, name: str, text: str, line: str
) -> None:
    spec = make_package(user, name, text)
    result = generate(good_model, "--custom-architectures", spec)
    traceback, _, message = result.stderr.partition("\nError: the architecture package ")
    assert result.exit_code == 1, result.output
    assert f'File "{user / name / "__init__.py"}", line ' in traceback
    assert line in traceback
    assert message
