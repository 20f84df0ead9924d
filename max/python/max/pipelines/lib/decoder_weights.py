"""Names of a decoder's weights in checkpoints, as most families have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from max.graph.weights.renames import Renames

if TYPE_CHECKING:
    from max.graph.weights import WeightData, Weights

# Parts of Hugging Face's names -> ours.
SAFETENSORS_NAMES = {"model.": ""}
# Parts of GGUF's names -> ours, of pre-norm blocks.
GGUF_NAMES = {
    "token_embd": "embed_tokens",
    "blk": "layers",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate": "mlp.gate_proj",
    "output_norm": "norm",
    "output.weight": "lm_head.weight",
    "output.bias": "lm_head.bias",
}
# The norms of blocks that have some before and some after their parts.
GGUF_SANDWICH_NAMES = {
    **GGUF_NAMES,
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}

_SAFETENSORS = Renames(SAFETENSORS_NAMES)
_GGUF = Renames(GGUF_NAMES)
_GGUF_SANDWICH = Renames(GGUF_SANDWICH_NAMES)


def convert_safetensors(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """`model.layers.0.self_attn.q_proj.weight` -> `layers.0.self_attn.q_proj.weight`."""
    return _SAFETENSORS(state_dict)


def convert_gguf(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """`blk.0.attn_q.weight` -> `layers.0.self_attn.q_proj.weight`."""
    return _GGUF(state_dict)


def convert_gguf_sandwich(
    state_dict: Mapping[str, Weights], **unused: Any
) -> dict[str, WeightData]:
    """As `convert_gguf`, of models with norms after their blocks' parts."""
    return _GGUF_SANDWICH(state_dict)
