"""What DeepSeek-V2 checkpoints say in config.json."""

from __future__ import annotations

from max.pipelines.checkpoint.config_fields import ConfigFields

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
