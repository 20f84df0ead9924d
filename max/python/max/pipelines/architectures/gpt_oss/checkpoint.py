"""What gpt-oss checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

GPT_OSS_FIELDS = ConfigFields(
    "gpt_oss",
    own={
        "attention_bias": True,
        "experts_per_token": None,
        "head_dim": 64,
        "layer_types": None,
        "num_experts_per_tok": 4,
        "num_local_experts": 128,
        "rope_theta": 150000.0,
        "sliding_window": 128,
        "swiglu_limit": 7.0,
    },
    only={"swiglu_alpha": (1.702,), "hidden_act": ("silu",)},
    ignored=("initial_context_length",),
    quantizations=("mxfp4",),
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    fields = {
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        **gguf.experts("num_local_experts"),
        **gguf.decoder(),
        **gguf.windows(2),
        "intermediate_size": gguf.own("expert_feed_forward_length"),
        "attention_bias": gguf.has("blk.0.attn_q.bias"),
    }
    rope = fields["rope_parameters"]
    if rope["rope_type"] == "yarn":
        rope["truncate"] = False  # which the files do not say
    return fields


GPT_OSS_GGUF = GGUFFamily("gpt-oss", _config)
