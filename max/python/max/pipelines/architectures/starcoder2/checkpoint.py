"""What StarCoder2 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

STARCODER2_FIELDS = ConfigFields(
    "starcoder2",
    own={
        "norm_epsilon": 1e-5,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "use_bias": True,
    },
    only={"mlp_type": ["default"], "norm_type": ["layer_norm"]},
    ignored=("activation_function", "residual_dropout"),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["Starcoder2ForCausalLM"],
        "model_type": "starcoder2",
        **gguf.decoder("norm_epsilon"),
        "hidden_act": "gelu_pytorch_tanh",
        "use_bias": gguf.has("blk.0.attn_output.bias"),
        "sliding_window": gguf.own("attention.sliding_window", 0) or None,
    }


STARCODER2_GGUF = GGUFFamily("starcoder2", _config)
