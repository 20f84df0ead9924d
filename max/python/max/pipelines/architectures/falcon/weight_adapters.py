"""Names of a Falcon checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.architectures.falcon.model_config import FalconConfig
from max.pipelines.lib.decoder_weights import GGUF_NAMES, split_grouped, split_stacked

_SAFETENSORS = Renames(
    {
        "transformer.": "",
        "word_embeddings": "embed_tokens",
        "h": "layers",
        "ln_attn": "input_layernorm",
        "ln_mlp": "mlp_norm",
        "self_attention.query_key_value": "self_attn.qkv_proj",
        "self_attention.dense": "self_attn.o_proj",
        "dense_h_to_4h": "up_proj",
        "dense_4h_to_h": "down_proj",
        "ln_f": "norm",
    }
)
_GGUF = Renames(GGUF_NAMES)
# With two norms, the one without a number is the MLP's.
_GGUF_TWO_NORMS = Renames({**GGUF_NAMES, "attn_norm": "mlp_norm", "attn_norm_2": "input_layernorm"})


def convert_safetensors(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint, and takes stacked ones apart."""
    hf = huggingface_config
    kv_heads = FalconConfig.get_num_kv_heads(hf)
    head_dim = FalconConfig.get_head_dim(hf)
    return split_grouped(_SAFETENSORS(state_dict), hf.num_attention_heads, kv_heads, head_dim)


def convert_gguf(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a GGUF file, and takes stacked ones apart: queries stand first."""
    has_two_norms = "blk.0.attn_norm_2.weight" in state_dict
    renamed = (_GGUF_TWO_NORMS if has_two_norms else _GGUF)(state_dict)
    kv_heads = FalconConfig.get_num_kv_heads(huggingface_config)
    return split_stacked(renamed, huggingface_config, kv_heads)
