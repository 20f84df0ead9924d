"""What Ministral 3 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

MINISTRAL3_FIELDS = ConfigFields(
    "ministral3", own={"head_dim": 128, "sliding_window": None}, is_completed=True
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    """Of Ministral 3, or of Mistral if the queries do not grow."""
    sizes = gguf.decoder()
    growth = gguf.own("attention.temperature_scale", 0.0)
    if not growth:
        names = {"architectures": ["MistralForCausalLM"], "model_type": "mistral"}
        return {**names, **sizes, "sliding_window": None}
    rope = sizes["rope_parameters"]
    sharpness = gguf.own("rope.scaling.yarn_log_multiplier", 0.0)
    return {
        "architectures": ["Ministral3ForCausalLM"],
        "model_type": "ministral3",
        **sizes,
        "rope_parameters": {
            **rope,
            "llama_4_scaling_beta": growth,
            "mscale": sharpness,
            "mscale_all_dim": sharpness,
        },
        "sliding_window": None,
    }


MINISTRAL3_GGUF = GGUFFamily("mistral3", _config)
