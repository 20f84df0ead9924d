"""What SmolLM3 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

SMOLLM3_FIELDS = ConfigFields(
    "smollm3",
    own={
        "attention_bias": False,
        "layer_types": None,
        "max_window_layers": None,
        "mlp_bias": False,
        "no_rope_layer_interval": 4,
        "no_rope_layers": None,
        "rope_theta": 2000000.0,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "use_sliding_window": False,
    },
    ignored=("pretraining_tp",),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {"architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3", **gguf.decoder()}


SMOLLM3_GGUF = GGUFFamily("smollm3", _config)
