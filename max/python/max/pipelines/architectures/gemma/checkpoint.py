"""What Gemma checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

GEMMA_FIELDS = ConfigFields(
    "gemma",
    own={
        "attention_bias": False,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "head_dim": 256,
        "tie_word_embeddings": True,
    },
    only={"use_bidirectional_attention": [False]},
    # transformers takes the tanh approximation whatever they say.
    ignored=("hidden_activation",),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["GemmaForCausalLM"],
        "model_type": "gemma",
        **gguf.decoder(),
        "hidden_act": "gelu_pytorch_tanh",
    }


GEMMA_GGUF = GGUFFamily("gemma", _config)
