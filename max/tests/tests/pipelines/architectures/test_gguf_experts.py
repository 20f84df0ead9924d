"""GGUF files of models with experts are read alone, as the checkpoints that they were made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.parity import Pair, check_prompt
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES
from integration.test_common.tiny_gguf_experts import write_gguf_with_experts

# What GGUF files do not say: they have what all models of the family have.
_UNSAID: Mapping[str, Mapping[str, Any]] = {
    "tiny-gpt_oss": {"swiglu_limit": 7.0},
    "tiny-olmoe": {"clip_qkv": None},
    "tiny-llama4": {
        **{"attention_chunk_size": 8192, "floor_scale": 8192, "attn_scale": 0.1},
        "no_rope_layers": None,
    },
    "tiny-deepseek_v2": {"mscale": 0.5},
}


def make_pair(name: str, tmp_path: Path, encoding: str) -> Pair:
    """A GGUF file, and the checkpoint for torch."""
    model = TINY_FAMILIES[name]
    settings = {**model.settings, **_UNSAID.get(name, {})}
    if mscale := settings.pop("mscale", None):
        settings["rope_parameters"] = {**settings["rope_parameters"], "mscale": mscale}
    model = replace(model, settings=settings)
    pair = Pair(make_checkpoint(model, tmp_path / "checkpoint"))
    folder = tmp_path / "gguf"
    folder.mkdir()
    write_gguf_with_experts(pair.folder, folder / f"model-{encoding}.gguf", encoding)
    pair.max = StepRunner(folder, encoding, kv_cache_format="float32")
    return pair


@pytest.mark.parametrize(
    "name",
    [
        *("tiny-qwen3_moe", "tiny-qwen2_moe", "tiny-mixtral", "tiny-gpt_oss", "tiny-olmoe"),
        *("tiny-granitemoe", "tiny-glm4_moe", "tiny-llama4"),
        *("tiny-deepseek_v2", "tiny-deepseek_v2-lite", "tiny-deepseek_v3"),
    ],
)
def test_sizes_and_names(name: str, tmp_path: Path) -> None:
    check_prompt(make_pair(name, tmp_path, "float32"), 150)


def test_experts_in_blocks(tmp_path: Path) -> None:
    """Rows of 72 and 40 elements are no blocks, so they are float16: nearly the same."""
    pair = make_pair("tiny-qwen3_moe", tmp_path, "q8_0")
    request = pair.max.start(pair.prompt(30))
    pair.max.finish_prompt(request, 30)
    assert kl_divergence(pair.torch.logits(pair.prompt(30)), request.logits).max() < 1e-4
