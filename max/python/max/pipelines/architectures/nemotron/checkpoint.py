"""What Nemotron checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

NEMOTRON_FIELDS = ConfigFields(
    "nemotron",
    own={
        "attention_bias": False,
        "head_dim": None,
        "mlp_bias": False,
        "norm_eps": 1e-5,
        "partial_rotary_factor": 0.5,
    },
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["NemotronForCausalLM"],
        "model_type": "nemotron",
        **gguf.decoder("norm_eps"),
        **gguf.biases(),
        "hidden_act": "relu2",
    }


NEMOTRON_GGUF = GGUFFamily("nemotron", _config)
