"""What Phi checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

PHI_FIELDS = ConfigFields(
    "phi",
    own={
        "layer_norm_eps": 1e-5,
        "partial_rotary_factor": 0.5,
        "qk_layernorm": False,
    },
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["PhiForCausalLM"],
        "model_type": "phi",
        **gguf.decoder("layer_norm_eps"),
        "hidden_act": "gelu_new",
    }


PHI_GGUF = GGUFFamily("phi2", _config)
