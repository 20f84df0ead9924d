"""Names of a Llama checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames

# Parts of Hugging Face's names -> ours.
LLAMA_SAFETENSOR_MAPPING = {"model.": ""}

# Parts of GGUF's names -> ours.
LLAMA_GGUF_MAPPING = {
    "token_embd": "embed_tokens",
    "blk": "layers",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_norm": "post_attention_layernorm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_v": "self_attn.v_proj",
    "attn_k": "self_attn.k_proj",
    "attn_output": "self_attn.o_proj",
    "output.weight": "lm_head.weight",
    "output_norm": "norm",
}

_SAFETENSORS = Renames(LLAMA_SAFETENSOR_MAPPING)
_GGUF = Renames(LLAMA_GGUF_MAPPING)


def convert_safetensor_state_dict(
    state_dict: Mapping[str, Weights], **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint.

    Args:
        state_dict: weights by Hugging Face's names, `model.layers.0.self_attn.q_proj.weight`.
        unused: settings that other adapters need.

    Returns:
        The weights by our names, `layers.0.self_attn.q_proj.weight`.
    """
    return _SAFETENSORS(state_dict)


def convert_gguf_state_dict(
    state_dict: Mapping[str, Weights], **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a GGUF file.

    Args:
        state_dict: weights by GGUF's names, `blk.0.attn_q.weight`.
        unused: settings that other adapters need.

    Returns:
        The weights by our names, `layers.0.self_attn.q_proj.weight`.
    """
    return _GGUF(state_dict)
