"""What gpt-oss checkpoints say in config.json."""

from __future__ import annotations

from max.pipelines.checkpoint.config_fields import ConfigFields

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
)
