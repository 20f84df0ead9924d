"""What Qwen3 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

QWEN3_FIELDS = ConfigFields(
    "qwen3",
    own={
        "attention_bias": False,
        "head_dim": 128,
        "layer_types": None,
        "max_window_layers": 28,
        "sliding_window": None,
        "use_sliding_window": False,
    },
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **gguf.decoder()}


QWEN3_GGUF = GGUFFamily("qwen3", _config)
