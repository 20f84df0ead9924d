"""What MiniCPM checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

MINICPM_FIELDS = ConfigFields(
    "minicpm",
    own={
        "bos_token_id": 1,
        "dim_model_base": 1.0,
        "eos_token_id": 2,
        "scale_depth": 1.0,
        "scale_emb": 1.0,
        "tie_word_embeddings": True,
    },
    ignored=("mup_denominator", "pretraining_tp"),
    is_remote=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    sizes = gguf.decoder()
    layers, hidden = sizes["num_hidden_layers"], sizes["hidden_size"]
    # Defaults are those of llama.cpp for files of earlier converters.
    return {
        "architectures": ["MiniCPMForCausalLM"],
        "model_type": "minicpm",
        **sizes,
        "scale_emb": gguf.own("embedding_scale", 12.0),
        "scale_depth": gguf.own("residual_scale", 1.4 / layers**0.5) * layers**0.5,
        "dim_model_base": hidden / gguf.own("logit_scale", hidden / 256),
    }


MINICPM_GGUF = GGUFFamily("minicpm", _config)
