"""What Qwen3 checkpoints with experts say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

QWEN3_MOE_FIELDS = ConfigFields(
    "qwen3_moe",
    own={
        "attention_bias": False,
        "decoder_sparse_step": 1,
        "head_dim": None,
        "mlp_only_layers": None,
        "moe_intermediate_size": 768,
        "norm_topk_prob": False,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "num_local_experts": None,
        "sliding_window": None,
        "use_sliding_window": False,
    },
    ignored=("max_window_layers",),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "norm_topk_prob": True,
        **gguf.experts(),
        **gguf.decoder(),
        "moe_intermediate_size": gguf.own("expert_feed_forward_length"),
    }


QWEN3_MOE_GGUF = GGUFFamily("qwen3moe", _config)
