"""Names of a DeepSeek checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from max.graph import Shape
from max.graph.weights.renames import COMPUTED_TABLES, Renames
from max.nn.moe import stack_experts
from max.pipelines.lib.expert_weights import (
    GGUF_EXPERT_NAMES,
    SAFETENSORS_EXPERT_NAMES,
    without_further_layers,
)

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from max.graph.weights import WeightData, Weights

_SAFETENSORS = Renames(
    {
        **SAFETENSORS_EXPERT_NAMES,
        "kv_a_proj_with_mqa": "kv_a_proj",
        "kv_a_layernorm": "kv_a_norm",
        "q_a_layernorm": "q_a_norm",
    }
)
_GGUF = Renames(
    {
        **GGUF_EXPERT_NAMES,
        "attn_q_a": "self_attn.q_a_proj",
        "attn_q_a_norm": "self_attn.q_a_norm",
        "attn_q_b": "self_attn.q_b_proj",
        "attn_kv_a_mqa": "self_attn.kv_a_proj",
        "attn_kv_a_norm": "self_attn.kv_a_norm",
        "attn_k_b": "self_attn.k_b",
        "attn_v_b": "self_attn.v_b",
    },
    (*COMPUTED_TABLES, "nextn"),
)
_EXPANDS = "self_attn.kv_b_proj.weight"


def convert_safetensors(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights, stacks the experts', and parts what makes keys from what makes values.

    Raises:
        ValueError: if those are stored as several tensors, with factors of blocks.
    """
    hf = huggingface_config
    found: dict[str, WeightData] = {}
    for name, data in without_further_layers(_SAFETENSORS(state_dict), hf).items():
        if not name.endswith(_EXPANDS):
            found[name] = data
            continue
        if f"{name}_scale_inv" in state_dict or data.dtype.size_in_bytes < 2:
            raise ValueError(
                f"'{name}' is {data.dtype}, which is not supported for latent attention; convert "
                "the checkpoint to bfloat16"
            )
        layer = name.removesuffix("kv_b_proj.weight")
        found[f"{layer}k_b.weight"] = _part(data, hf, is_key=True)
        found[f"{layer}v_b.weight"] = _part(data, hf, is_key=False)
    return stack_experts(found)


def convert_gguf(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a GGUF file, in which keys and values are parted already."""
    return without_further_layers(_GGUF(state_dict), huggingface_config)


def _part(data: WeightData, hf: PretrainedConfig, *, is_key: bool) -> WeightData:
    """Of [heads * (nope + value), rank]: keys [heads, rank, nope], or values [heads, value, rank].

    Keys are turned over, since queries are multiplied with them.
    """
    heads, nope, value = hf.num_attention_heads, hf.qk_nope_head_dim, hf.v_head_dim
    rank = hf.kv_lora_rank

    def make() -> torch.Tensor:
        both = data.to_buffer().tensor.view(heads, nope + value, rank)
        part = both[:, :nope].transpose(1, 2) if is_key else both[:, nope:]
        return part.contiguous()

    shape = Shape([heads, rank, nope] if is_key else [heads, value, rank])
    return data.derived(make, data.dtype, shape)
