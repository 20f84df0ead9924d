"""What EXAONE 4 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

EXAONE4_FIELDS = ConfigFields(
    "exaone4",
    own={
        "head_dim": None,
        "layer_types": None,
        "sliding_window": 4096,
        "sliding_window_pattern": 4,
    },
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["Exaone4ForCausalLM"],
        "model_type": "exaone4",
        **gguf.decoder(),
        **gguf.windows(period=4),
    }


EXAONE4_GGUF = GGUFFamily("exaone4", _config)
