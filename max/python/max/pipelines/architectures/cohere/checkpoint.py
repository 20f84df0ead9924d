"""What Command R checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

COHERE_FIELDS = ConfigFields(
    "cohere",
    own={
        "attention_bias": False,
        "layer_norm_eps": 1e-5,
        "logit_scale": 0.0625,
        "rope_theta": 500000.0,
        "tie_word_embeddings": True,
        "use_qk_norm": False,
    },
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["CohereForCausalLM"],
        "model_type": "cohere",
        **gguf.decoder("layer_norm_eps"),
        "logit_scale": gguf.own("logit_scale"),
        "use_qk_norm": gguf.has("blk.0.attn_q_norm.weight"),
    }


COHERE_GGUF = GGUFFamily("command-r", _config)
