"""What Phi 3 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

PHI3_FIELDS = ConfigFields(
    "phi3",
    own={
        "original_max_position_embeddings": 4096,
        "partial_rotary_factor": 1.0,
        "sliding_window": None,
    },
    ignored=("full_attn_mod", "interpolate_factor"),
    only={"attention_bias": [False], "lm_head_bias": [False], "mlp_bias": [False]},
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    sizes = gguf.decoder()
    return {
        "architectures": ["Phi3ForCausalLM"],
        "model_type": "phi3",
        **sizes,
        "original_max_position_embeddings": gguf.own(
            "rope.scaling.original_context_length", sizes["max_position_embeddings"]
        ),
        "sliding_window": gguf.own("attention.sliding_window", 0) or None,
    }


PHI3_GGUF = GGUFFamily("phi3", _config)
