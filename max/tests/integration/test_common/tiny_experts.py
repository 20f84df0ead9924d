"""Models small enough for a test with experts, and with latent attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from integration.test_common.tiny_models import TinyModel

# transformers multiplies experts' widths of whole 16 bytes only.
_EXPERTS: Mapping[str, Any] = {"intermediate_size": 40}
_TOP_3: Mapping[str, Any] = {"num_experts_per_tok": 3}


def families_with_experts(tiny: Callable[..., TinyModel]) -> Iterable[TinyModel]:
    """The models, made by a function of `tiny_families`."""
    qwen: dict[str, Any] = {"moe_intermediate_size": 40, "num_experts": 6, **_TOP_3}
    yield tiny("qwen3_moe", "Qwen3MoeConfig", **qwen, norm_topk_prob=True)
    dense: dict[str, Any] = {"decoder_sparse_step": 2, "mlp_only_layers": [3]}
    yield tiny("qwen3_moe-dense", "Qwen3MoeConfig", **qwen, **dense)
    shared: dict[str, Any] = {"shared_expert_intermediate_size": 56}
    yield tiny("qwen2_moe", "Qwen2MoeConfig", **qwen, **shared)
    local: dict[str, Any] = {"num_local_experts": 5, **_TOP_3}
    yield tiny("mixtral", "MixtralConfig", **_EXPERTS, **local)
    yield tiny("mixtral-windows", "MixtralConfig", **_EXPERTS, **local, sliding_window=5)
    flat: dict[str, Any] = {**_EXPERTS, "num_key_value_heads": 6}
    yield tiny("olmoe", "OlmoeConfig", **flat, num_experts=6, **_TOP_3, clip_qkv=0.7)
    granite: dict[str, Any] = {
        "attention_multiplier": 0.2,
        "embedding_multiplier": 3.0,
        "residual_multiplier": 0.4,
        "logits_scaling": 0.6,
    }
    yield tiny("granitemoe", "GraniteMoeConfig", **_EXPERTS, **local, **granite)
    biases: dict[str, Any] = {
        "attention_bias": True,
        "lm_head_bias": True,
        "router_jitter_noise": 0.2,
    }
    phi: dict[str, Any] = {"num_local_experts": 5, "num_experts_per_tok": 2}
    yield tiny("phimoe", "PhimoeConfig", **_EXPERTS, **phi, **biases)
    glm: dict[str, Any] = {
        "moe_intermediate_size": 40,
        "n_routed_experts": 6,
        "n_shared_experts": 2,
        "routed_scaling_factor": 1.7,
        "attention_bias": True,
        **_TOP_3,
    }
    yield tiny("glm4_moe", "Glm4MoeConfig", **glm, use_qk_norm=True)
    yarn: dict[str, Any] = {
        "rope_type": "yarn",
        "rope_theta": 1500.0,
        "factor": 8.0,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "truncate": False,
        "original_max_position_embeddings": 32,
    }
    latent: dict[str, Any] = {
        "kv_lora_rank": 24,
        "qk_nope_head_dim": 12,
        "qk_rope_head_dim": 8,
        "v_head_dim": 10,
        "first_k_dense_replace": 1,
        "moe_intermediate_size": 40,
        "n_routed_experts": 8,
        "n_shared_experts": 2,
        "routed_scaling_factor": 1.7,
        **_TOP_3,
    }
    sizes: dict[str, Any] = {"num_key_value_heads": 6}
    lite: dict[str, Any] = {"q_lora_rank": None, "topk_method": "greedy"}
    yield tiny("deepseek_v2-lite", "DeepseekV2Config", **sizes, **latent, **lite)
    sharp = {**yarn, "truncate": True, "mscale": 0.7, "mscale_all_dim": 0.5}
    groups: dict[str, Any] = {"n_group": 4, "topk_group": 2, "q_lora_rank": 20}
    method: dict[str, Any] = {"topk_method": "group_limited_greedy", "rope_parameters": sharp}
    yield tiny("deepseek_v2", "DeepseekV2Config", **sizes, **latent, **groups, **method)
    sharper: dict[str, Any] = {"rope_parameters": {**sharp, "mscale": 1.0, "mscale_all_dim": 1.0}}
    yield tiny("deepseek_v3", "DeepseekV3Config", **sizes, **latent, **groups, **sharper)
    scout: dict[str, Any] = {
        **_EXPERTS,
        "intermediate_size_mlp": 99,
        "num_local_experts": 5,
        "num_experts_per_tok": 1,
        "attention_chunk_size": 7,
    }
    growing: dict[str, Any] = {"floor_scale": 4, "attn_scale": 0.3, "no_rope_layers": [1, 0, 1, 1]}
    yield tiny("llama4", "Llama4TextConfig", **scout, **growing, interleave_moe_layer_step=2)
    plain: dict[str, Any] = {"use_qk_norm": False, "attn_temperature_tuning": False}
    two: dict[str, Any] = {**scout, "num_experts_per_tok": 2, "attention_chunk_size": 64}
    yield tiny("llama4-plain", "Llama4TextConfig", **two, **plain)
    oss: dict[str, Any] = {"sliding_window": 5, "swiglu_limit": 0.8, "rope_parameters": yarn}
    yield tiny("gpt_oss", "GptOssConfig", **_EXPERTS, **local, **oss, attention_bias=True)
