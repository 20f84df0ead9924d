"""Names of a InternLM2 checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES, split_grouped

_SAFETENSORS = Renames(
    {
        **SAFETENSORS_NAMES,
        "tok_embeddings": "embed_tokens",
        "attention.wqkv": "self_attn.qkv_proj",
        "attention.wo": "self_attn.o_proj",
        "attention_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "feed_forward.w1": "mlp.gate_proj",
        "feed_forward.w3": "mlp.up_proj",
        "feed_forward.w2": "mlp.down_proj",
        "output.weight": "lm_head.weight",
    }
)


def convert_safetensors(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint, and takes stacked ones apart."""
    hf = huggingface_config
    heads = hf.num_attention_heads
    head_dim = hf.hidden_size // heads
    return split_grouped(_SAFETENSORS(state_dict), heads, hf.num_key_value_heads, head_dim)
