"""What GLM 4 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

GLM4_FIELDS = ConfigFields(
    "glm4",
    own={"attention_bias": True, "head_dim": 128, "partial_rotary_factor": 0.5},
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["Glm4ForCausalLM"],
        "model_type": "glm4",
        **gguf.decoder(),
        "attention_bias": gguf.biases()["attention_bias"],
    }


GLM4_GGUF = GGUFFamily("glm4", _config)
