"""What Llama checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.architectures.mixtral.checkpoint import config_of_gguf
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

LLAMA_FIELDS = ConfigFields(
    "llama",
    own={
        "attention_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "head_dim": None,
        "mlp_bias": False,
        "pretraining_tp": 1,
    },
    only={"rope_interleaved": [False]},
    ignored=("is_llama_config",),
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    if gguf.own("expert_count", 0):
        return config_of_gguf(gguf)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **gguf.decoder(),
        **gguf.biases(),
    }


LLAMA_GGUF = GGUFFamily("llama", _config)
