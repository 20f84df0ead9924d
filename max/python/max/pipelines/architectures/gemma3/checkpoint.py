"""What Gemma 3 text checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

GEMMA3_FIELDS = ConfigFields(
    "gemma3_text",
    own={
        "attention_bias": False,
        "attn_logit_softcapping": None,
        "final_logit_softcapping": None,
        "head_dim": 256,
        "hidden_activation": "gelu_pytorch_tanh",
        "layer_types": None,
        "query_pre_attn_scalar": 256,
        "rope_local_base_freq": 10000.0,
        "sliding_window": 4096,
        "sliding_window_pattern": 6,
        "tie_word_embeddings": True,
    },
    only={"use_bidirectional_attention": [False]},
    ignored=("cache_implementation", "hidden_act"),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    sizes = gguf.decoder()
    is_largest = sizes["num_hidden_layers"] == 62
    heads = sizes["num_attention_heads"]
    local = {"rope_type": "default", "rope_theta": gguf.own("rope.freq_base_swa", 10000.0)}
    return {
        "architectures": ["Gemma3ForCausalLM"],
        "model_type": "gemma3_text",
        **sizes,
        **gguf.windows(period=6),
        "rope_parameters": {
            "full_attention": sizes["rope_parameters"],
            "sliding_attention": local,
        },
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": sizes["hidden_size"] // heads if is_largest else sizes["head_dim"],
        "final_logit_softcapping": gguf.own("final_logit_softcapping", 0.0),
    }


GEMMA3_GGUF = GGUFFamily("gemma3", _config)
