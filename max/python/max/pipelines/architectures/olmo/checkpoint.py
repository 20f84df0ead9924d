"""What OLMo checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

OLMO_FIELDS = ConfigFields(
    "olmo",
    own={"attention_bias": False, "clip_qkv": None, "eos_token_id": 50279},
    ignored=("pretraining_tp",),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    sizes = gguf.decoder("layer_norm_eps")
    del sizes["layer_norm_eps"]  # always the same
    return {
        "architectures": ["OlmoForCausalLM"],
        "model_type": "olmo",
        **sizes,
        "clip_qkv": gguf.own("attention.clamp_kqv", 0.0) or None,
    }


OLMO_GGUF = GGUFFamily("olmo", _config)
