"""What DeepSeek checkpoints say: config.json, and the metadata of GGUF files of V2 and V3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import GGUFFamily
from max.pipelines.checkpoint.gguf.model import GGUFModel

_SIZES = {
    "attention_bias": False,
    "first_k_dense_replace": 0,
    "kv_lora_rank": 512,
    "moe_intermediate_size": 1407,
    "n_group": None,
    "n_routed_experts": 64,
    "n_shared_experts": 2,
    "num_experts_per_tok": 6,
    "q_lora_rank": None,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "routed_scaling_factor": 1.0,
    "topk_group": None,
    "v_head_dim": 128,
}
# What is for training, or follows from the sizes.
_IGNORED = (
    "aux_loss_alpha",
    "ep_size",
    "head_dim",
    "num_experts",
    "num_local_experts",
    "pretraining_tp",
    "qk_head_dim",
    "seq_aux",
)
DEEPSEEK_V2_FIELDS = ConfigFields(
    "deepseek_v2",
    own={**_SIZES, "mlp_bias": False, "topk_method": None},
    only={
        "moe_layer_freq": (1,),
        "norm_topk_prob": (False,),
        "scoring_func": ("softmax",),
    },
    ignored=_IGNORED,
    is_completed=True,
)
DEEPSEEK_V3_FIELDS = ConfigFields(
    "deepseek_v3",
    own={**_SIZES, "norm_topk_prob": True, "rope_interleave": True},
    only={
        "moe_layer_freq": (1,),
        "scoring_func": ("sigmoid",),
        "topk_method": ("noaux_tc",),
    },
    # Layers that guess further tokens are not made.
    ignored=(*_IGNORED, "num_mtp_layers", "num_nextn_predict_layers"),
    is_completed=True,
)

# `expert_gating_func` of files of V3; V2's have that of the softmax, or none.
_SIGMOID = 2


def _config(gguf: GGUFModel) -> Mapping[str, Any]:
    is_v3 = gguf.own("expert_gating_func", 1) == _SIGMOID
    groups = gguf.own("expert_group_count", 1)
    turned = gguf.own("rope.dimension_count")
    return {
        "architectures": ["DeepseekV3ForCausalLM" if is_v3 else "DeepseekV2ForCausalLM"],
        "model_type": "deepseek_v3" if is_v3 else "deepseek_v2",
        **gguf.experts("n_routed_experts"),
        **gguf.decoder(),
        **_rope(gguf, turned),
        "head_dim": turned,
        # Of the cache's entries there is one, whose sizes the file has as those of its heads.
        "num_key_value_heads": gguf.own("attention.head_count"),
        "kv_lora_rank": gguf.own("attention.kv_lora_rank"),
        "q_lora_rank": gguf.own("attention.q_lora_rank", 0) or None,
        "qk_rope_head_dim": turned,
        "qk_nope_head_dim": gguf.own("attention.key_length_mla") - turned,
        "v_head_dim": gguf.own("attention.value_length_mla"),
        "first_k_dense_replace": gguf.own("leading_dense_block_count", 0),
        "moe_intermediate_size": gguf.own("expert_feed_forward_length"),
        "n_shared_experts": gguf.own("expert_shared_count"),
        "routed_scaling_factor": gguf.own("expert_weights_scale", 1.0),
        "n_group": groups,
        "topk_group": gguf.own("expert_group_used_count", 1),
        **(
            {"norm_topk_prob": gguf.own("expert_weights_norm", False)}
            if is_v3
            else {"topk_method": "group_limited_greedy" if groups > 1 else "greedy"}
        ),
    }


def _rope(gguf: GGUFModel, turned: int) -> Mapping[str, Any]:
    """Files have a tenth of `mscale_all_dim`, with which `mscale` agrees in every model."""
    fields = gguf.rope(turned)
    if sharpness := 10 * gguf.own("rope.scaling.yarn_log_multiplier", 0.0):
        fields["rope_parameters"] |= {"mscale": sharpness, "mscale_all_dim": sharpness}
    return fields


DEEPSEEK_GGUF = GGUFFamily("deepseek2", _config)
