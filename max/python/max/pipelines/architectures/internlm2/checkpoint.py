"""What InternLM2 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

INTERNLM2_FIELDS = ConfigFields(
    "internlm2",
    own={"bos_token_id": 1, "eos_token_id": 2, "rope_theta": 10000.0},
    only={"bias": [False]},
    ignored=("attn_implementation", "pretraining_tp"),
    is_remote=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {"architectures": ["InternLM2ForCausalLM"], "model_type": "internlm2", **gguf.decoder()}


INTERNLM2_GGUF = GGUFFamily("internlm2", _config)
