"""What OLMoE checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

OLMOE_FIELDS = ConfigFields(
    "olmoe",
    own={
        "attention_bias": False,
        "clip_qkv": None,
        "eos_token_id": 50279,
        "norm_topk_prob": False,
        "num_experts": 64,
        "num_experts_per_tok": 8,
        "num_local_experts": None,
        "pad_token_id": 1,
    },
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["OlmoeForCausalLM"],
        "model_type": "olmoe",
        **gguf.experts(),
        **gguf.decoder(),
    }


OLMOE_GGUF = GGUFFamily("olmoe", _config)
