"""What Falcon checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

FALCON_FIELDS = ConfigFields(
    "falcon",
    own={
        "activation": "gelu",
        "bias": False,
        "ffn_hidden_size": None,
        "layer_norm_epsilon": 1e-5,
        "multi_query": True,
        "new_decoder_architecture": False,
        "num_kv_heads": None,
        "num_ln_in_parallel_attn": None,
        "parallel_attn": True,
        "tie_word_embeddings": True,
    },
    ignored=("ff_factor",),
    only={"alibi": [False], "apply_residual_connection_post_layernorm": [False]},
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    sizes = gguf.decoder("layer_norm_epsilon")
    kv_heads = sizes.pop("num_key_value_heads")
    del sizes["head_dim"]  # which transformers works out
    has_two_norms = gguf.has("blk.0.attn_norm_2.weight")
    return {
        "architectures": ["FalconForCausalLM"],
        "model_type": "falcon",
        **sizes,
        "ffn_hidden_size": sizes["intermediate_size"],
        "num_kv_heads": kv_heads,
        "new_decoder_architecture": kv_heads > 1,
        "num_ln_in_parallel_attn": 2 if has_two_norms else 1,
        "multi_query": True,
        "parallel_attn": True,
        "bias": gguf.has("blk.0.attn_output.bias"),
    }


FALCON_GGUF = GGUFFamily("falcon", _config)
