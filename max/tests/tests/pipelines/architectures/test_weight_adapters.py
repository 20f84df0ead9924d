from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.graph.weights import load_weights
from max.pipelines.architectures.llama3.weight_adapters import convert_safetensor_state_dict
from max.pipelines.lib import PIPELINE_REGISTRY
from tests.pipelines.architectures.checkpoints import change_weights, make_config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint that a test may change."""
    return make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path / "model")


def test_names(folder: Path) -> None:
    weights = dict(load_weights([folder / "model.safetensors"]).items())
    converted = convert_safetensor_state_dict(weights, huggingface_config=None)
    assert len(converted) == len(weights)
    assert {"embed_tokens.weight", "norm.weight", "lm_head.weight"} < converted.keys()
    name = "layers.1.self_attn.q_proj.weight"
    np.testing.assert_array_equal(
        converted[name].to_buffer().to_numpy(),
        weights[f"model.{name}"].data().to_buffer().to_numpy(),
    )


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.self_attn.rotary_emb.inv_freq",
        "model.layers.0.self_attn.rotary_emb.cos_cached",
        "model.rotary_emb.sin_cached",
        "rope.freqs",
        "model.freqs_cis",
        "model.causal_mask",
        "model.layers.1.self_attn.cos_sin_cache",
    ],
)
def test_computed_tables_are_dropped(folder: Path, name: str) -> None:
    change_weights(folder, lambda weights: weights.update({name: torch.zeros(8)}))
    weights = dict(load_weights([folder / "model.safetensors"]).items())
    assert name in weights
    assert len(convert_safetensor_state_dict(weights)) == len(weights) - 1
    PIPELINE_REGISTRY.retrieve(make_config(folder))


def test_a_head_that_config_json_promises_is_told_as_missing(folder: Path) -> None:
    """The embedding does not stand in for it without a word."""
    change_weights(folder, lambda weights: weights.pop("lm_head.weight"))
    with pytest.raises(ValueError, match=r"Missing required weights: lm_head\.weight"):
        PIPELINE_REGISTRY.retrieve(make_config(folder))


def test_all_problems_are_reported_together(folder: Path) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["model.layers.0.mlp.gate_projj.weight"] = weights.pop(
            "model.layers.0.mlp.gate_proj.weight"
        )
        del weights["model.layers.1.input_layernorm.weight"]
        weights["model.layers.1.mlp.extra"] = torch.zeros(1)
        weights["model.norm.weight"] = torch.zeros(63)

    change_weights(folder, spoil)
    with pytest.raises(ValueError) as caught:
        PIPELINE_REGISTRY.retrieve(make_config(folder))
    message = str(caught.value)
    assert (
        "Missing required weights: layers.0.mlp.gate_proj.weight, layers.1.input_layernorm.weight"
        in message
    )
    assert "did you mean 'layers.0.mlp.gate_projj.weight'?" in message
    assert (
        "Unexpected keys in state_dict: layers.0.mlp.gate_projj.weight, layers.1.mlp.extra"
        in message
    )
    assert "'norm.weight' had different shape (expected=[64], actual=[63])" in message


def test_truncated_file(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors: .* an interrupted download"):
        PIPELINE_REGISTRY.retrieve(make_config(folder))


def test_missing_shard(tmp_path: Path) -> None:
    folder = make_checkpoint(TINY_MODELS["tiny-llama-head128"], tmp_path / "model")
    sorted(folder.glob("*.safetensors"))[1].unlink()
    with pytest.raises(ValueError, match="but 1 are missing: model-00002-of"):
        PIPELINE_REGISTRY.retrieve(make_config(folder))
