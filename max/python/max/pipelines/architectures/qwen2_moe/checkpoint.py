"""What Qwen2 checkpoints with experts say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

QWEN2_MOE_FIELDS = ConfigFields(
    "qwen2_moe",
    own={
        "decoder_sparse_step": 1,
        "layer_types": None,
        "max_window_layers": 28,
        "mlp_only_layers": None,
        "moe_intermediate_size": 1408,
        "norm_topk_prob": False,
        "num_experts": 60,
        "num_experts_per_tok": 4,
        "num_local_experts": None,
        "qkv_bias": True,
        "shared_expert_intermediate_size": 5632,
        "sliding_window": None,
        "use_sliding_window": False,
    },
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["Qwen2MoeForCausalLM"],
        "model_type": "qwen2_moe",
        "norm_topk_prob": False,
        "qkv_bias": True,
        **gguf.experts(),
        **gguf.decoder(),
        "moe_intermediate_size": gguf.own("expert_feed_forward_length"),
        "shared_expert_intermediate_size": gguf.own("expert_shared_feed_forward_length"),
    }


QWEN2_MOE_GGUF = GGUFFamily("qwen2moe", _config)
