"""What OLMo 2 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

OLMO2_FIELDS = ConfigFields("olmo2", own={"attention_bias": False, "eos_token_id": 50279})


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {"architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", **gguf.decoder()}


OLMO2_GGUF = GGUFFamily("olmo2", _config)
