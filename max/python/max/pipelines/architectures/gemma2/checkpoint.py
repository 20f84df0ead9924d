"""What Gemma 2 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

GEMMA2_FIELDS = ConfigFields(
    "gemma2",
    own={
        "attention_bias": False,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
        "head_dim": 256,
        "hidden_activation": "gelu_pytorch_tanh",
        "layer_types": None,
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
        "tie_word_embeddings": True,
    },
    only={"use_bidirectional_attention": [False]},
    # The attention's kernel; `hidden_activation` stands for `hidden_act`.
    ignored=("cache_implementation", "hidden_act"),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    sizes = gguf.decoder()
    # llama.cpp knows the largest model, whose scores are scaled otherwise, by its layers.
    is_largest = sizes["num_hidden_layers"] == 46
    heads = sizes["num_attention_heads"]
    return {
        "architectures": ["Gemma2ForCausalLM"],
        "model_type": "gemma2",
        **sizes,
        **gguf.windows(period=2, usual=4096),
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": sizes["hidden_size"] // heads if is_largest else sizes["head_dim"],
        "attn_logit_softcapping": gguf.own("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": gguf.own("final_logit_softcapping", 30.0),
    }


GEMMA2_GGUF = GGUFFamily("gemma2", _config)
