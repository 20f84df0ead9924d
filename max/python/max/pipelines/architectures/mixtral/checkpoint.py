"""What a Mixtral checkpoint's config.json says. Its GGUF files are those of Llama, with experts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.gguf.model import GGUFModel

MIXTRAL_FIELDS = ConfigFields(
    "mixtral",
    own={
        "bos_token_id": 1,
        "eos_token_id": 2,
        "head_dim": None,
        "num_experts_per_tok": 2,
        "num_local_experts": 8,
        "rope_theta": 1000000.0,
        "sliding_window": None,
    },
    ignored=("router_jitter_noise",),
    is_completed=True,
)


def config_of_gguf(gguf: GGUFModel) -> Mapping[str, Any]:
    """The content of config.json for a GGUF file of Llama's kind that has experts."""
    return {
        "architectures": ["MixtralForCausalLM"],
        "model_type": "mixtral",
        **gguf.experts("num_local_experts"),
        **gguf.decoder(),
        "sliding_window": None,
    }
