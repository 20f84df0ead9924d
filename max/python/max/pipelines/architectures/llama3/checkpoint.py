"""What Llama checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

LLAMA_FIELDS = ConfigFields(
    "llama",
    only={"layer_types": (), "rope_interleaved": [False], "sliding_window": ()},
    ignored=("is_llama_config", "pretraining_tp"),
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **gguf.decoder(),
        "attention_bias": gguf.has("blk.0.attn_q.bias"),
        "mlp_bias": gguf.has("blk.0.ffn_up.bias"),
    }


LLAMA_GGUF = GGUFFamily("llama", _config)
