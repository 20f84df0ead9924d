"""What GLM-4.5 checkpoints say: config.json, and the metadata of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

GLM4_MOE_FIELDS = ConfigFields(
    "glm4_moe",
    own={
        "attention_bias": False,
        "first_k_dense_replace": 1,
        "moe_intermediate_size": 1408,
        "n_group": 1,
        "n_routed_experts": 128,
        "n_shared_experts": 1,
        "norm_topk_prob": True,
        "num_experts_per_tok": 8,
        "num_local_experts": None,
        "partial_rotary_factor": 0.5,
        "routed_scaling_factor": 1.0,
        "topk_group": 1,
        "use_qk_norm": False,
    },
    # Layers that guess further tokens are not made.
    ignored=("num_mtp_layers", "num_nextn_predict_layers"),
    is_completed=True,
)


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    return {
        "architectures": ["Glm4MoeForCausalLM"],
        "model_type": "glm4_moe",
        **gguf.experts("n_routed_experts"),
        **gguf.decoder(),
        "num_hidden_layers": gguf.own("block_count") - gguf.own("nextn_predict_layers", 0),
        "moe_intermediate_size": gguf.own("expert_feed_forward_length"),
        "attention_bias": gguf.has("blk.0.attn_q.bias"),
        "first_k_dense_replace": gguf.own("leading_dense_block_count"),
        "n_shared_experts": gguf.own("expert_shared_count"),
        "norm_topk_prob": gguf.own("expert_weights_norm", True),
        "routed_scaling_factor": gguf.own("expert_weights_scale", 1.0),
        "use_qk_norm": gguf.has("blk.0.attn_q_norm.weight"),
    }


GLM4_MOE_GGUF = GGUFFamily("glm4moe", _config)
