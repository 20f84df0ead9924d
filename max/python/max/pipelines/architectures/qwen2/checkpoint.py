"""What Qwen2 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

QWEN2_FIELDS = ConfigFields(
    "qwen2",
    own={
        "layer_types": None,
        "max_window_layers": 28,
        "sliding_window": None,
        "use_sliding_window": False,
    },
    # Which projections have biases does not depend on it.
    ignored=("attention_bias", "pretraining_tp", "use_mrope"),
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        **gguf.decoder(),
        "use_sliding_window": False,
    }


QWEN2_GGUF = GGUFFamily("qwen2", _config)
