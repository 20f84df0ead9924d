"""Names of a GPT-NeoX checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import COMPUTED_TABLES, Renames
from max.pipelines.lib.decoder_weights import split_grouped

_NAMES = {
    "gpt_neox.": "",
    "embed_in": "embed_tokens",
    "embed_out": "lm_head",
    "final_layer_norm": "norm",
    "attention.query_key_value": "self_attn.qkv_proj",
    "attention.dense": "self_attn.o_proj",
    "dense_h_to_4h": "up_proj",
    "dense_4h_to_h": "down_proj",
}
# Older checkpoints carry the causal mask.
_DROPPED = (*COMPUTED_TABLES, "attention.bias")
_PARALLEL = Renames({**_NAMES, "post_attention_layernorm": "mlp_norm"}, _DROPPED)
_SERIAL = Renames(_NAMES, _DROPPED)


def convert_checkpoint(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint, and takes q, k, v apart head by head."""
    hf = huggingface_config
    heads = hf.num_attention_heads
    rename = _PARALLEL if hf.use_parallel_residual else _SERIAL
    return split_grouped(rename(state_dict), heads, heads, hf.hidden_size // heads)
