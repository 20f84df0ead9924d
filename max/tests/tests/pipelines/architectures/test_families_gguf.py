"""GGUF files of every family have the logits that transformers gives the numbers that they hold."""

# build: size = "large"
# build: deps = ["@pip_dev//:accelerate"]

from __future__ import annotations

from pathlib import Path

import pytest

from integration.test_common.parity import Pair, check_prompt
from integration.test_common.step_runner import StepRunner, assert_one_segment
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_family_gguf import LAYOUTS, model_of, write_family_gguf
from max.pipelines.lib import PIPELINE_REGISTRY

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", LAYOUTS)
def test_logits(name: str, tmp_path: Path) -> None:
    """Everything is read of the file: sizes, kinds of layers, angles, factors, biases."""
    pair = Pair(make_checkpoint(model_of(name), tmp_path / "model"))
    (tmp_path / "gguf").mkdir()
    write_family_gguf(name, pair.folder, tmp_path / "gguf" / "model.gguf")
    pair.max = StepRunner(tmp_path / "gguf", "float32", kv_cache_format="float32")
    check_prompt(pair, 150)
    assert_one_segment(pair.max)


def test_every_dense_family_is_tested() -> None:
    """But those that have tests of their own: those in `test_gguf*.py`."""
    known = {a.gguf.name for a in PIPELINE_REGISTRY.all_architectures() if a.gguf is not None}
    others = {"granite", "llama", "qwen2", "qwen3"} | {name for name in known if "moe" in name}
    others |= {"deepseek2", "gpt-oss", "bert", "modern-bert"}
    assert known - others <= {layout.name for layout in LAYOUTS.values()}
    assert {layout.name for layout in LAYOUTS.values()} <= known
