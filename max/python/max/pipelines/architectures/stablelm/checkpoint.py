"""What StableLM checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

STABLELM_FIELDS = ConfigFields(
    "stablelm",
    own={
        "layer_norm_eps": 1e-5,
        "partial_rotary_factor": 0.25,
        "qk_layernorm": False,
        "use_parallel_residual": False,
        "use_qkv_bias": False,
    },
    only={"rotary_scaling_factor": [1.0]},
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["StableLmForCausalLM"],
        "model_type": "stablelm",
        **gguf.decoder("layer_norm_eps"),
        "qk_layernorm": gguf.has("blk.0.attn_q_norm.weight"),
        "use_parallel_residual": not gguf.has("blk.0.ffn_norm.weight"),
        "use_qkv_bias": gguf.biases()["attention_bias"],
    }


STABLELM_GGUF = GGUFFamily("stablelm", _config)
