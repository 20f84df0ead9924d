"""What Granite checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

# Names of config.json -> keys of GGUF files.
_FACTORS = {
    "attention_multiplier": "attention.scale",
    "embedding_multiplier": "embedding_scale",
    "logits_scaling": "logit_scale",
    "residual_multiplier": "residual_scale",
}
GRANITE_FIELDS = ConfigFields(
    "granite",
    own={
        **dict.fromkeys(_FACTORS, 1.0),
        "attention_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "mlp_bias": False,
    },
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["GraniteForCausalLM"],
        "model_type": "granite",
        **gguf.decoder(),
        **{name: gguf.own(key, 1.0) for name, key in _FACTORS.items()},
        **gguf.biases(),
    }


GRANITE_GGUF = GGUFFamily("granite", _config)
