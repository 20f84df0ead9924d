"""What Phi-3.5-MoE checkpoints say in config.json."""

from __future__ import annotations

from max.pipelines.checkpoint.config_fields import ConfigFields

PHIMOE_FIELDS = ConfigFields(
    "phimoe",
    own={
        "attention_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "lm_head_bias": False,
        "num_experts_per_tok": 2,
        "num_local_experts": 16,
        "rope_theta": 1000000.0,
        "router_jitter_noise": 0.01,
        "sliding_window": None,
    },
    ignored=("input_jitter_noise", "original_max_position_embeddings"),
    is_completed=True,
)
