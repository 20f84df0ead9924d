"""What a DeepSeek-V2 model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.dtype import DType
from max.graph import DeviceRef
from max.nn import Mask
from max.nn.kv_cache import KVCacheParams
from max.nn.moe import Routing
from max.nn.rope import YarnScalingParams
from max.pipelines.architectures.deepseek_v2.checkpoint import DEEPSEEK_V2_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.config import KVCacheConfig, PipelineConfig
from max.pipelines.lib.decoder_config import LayerKind, RopeSettings, rope_scaling
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class DeepseekV2Config(ExpertsConfig):
    """A decoder's configuration with experts and latent attention.

    Args:
        kv_lora_rank: elements of a token's latent.
        q_lora_rank: elements of a compressed query; None if queries are not compressed.
        qk_nope_head_dim: elements of a head's query that are not turned.
        qk_rope_head_dim: those that are, and elements of the key that all heads share.
        v_head_dim: elements of a head's value.
        has_interleaved_rope: layout of what is turned, see `Rope`.
    """

    config_fields: ClassVar[ConfigFields | None] = DEEPSEEK_V2_FIELDS

    kv_lora_rank: int = 0
    q_lora_rank: int | None = None
    qk_nope_head_dim: int = 0
    qk_rope_head_dim: int = 0
    v_head_dim: int = 0
    has_interleaved_rope: bool = True

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {
            **super().fields(hf),
            "kv_lora_rank": hf.kv_lora_rank,
            "q_lora_rank": hf.q_lora_rank,
            "qk_nope_head_dim": hf.qk_nope_head_dim,
            "qk_rope_head_dim": hf.qk_rope_head_dim,
            "v_head_dim": hf.v_head_dim,
        }

    @classmethod
    def construct_kv_params(
        cls,
        huggingface_config: PretrainedConfig,
        pipeline_config: PipelineConfig,
        devices: Sequence[DeviceRef],
        kv_cache_config: KVCacheConfig,
        cache_dtype: DType,
    ) -> KVCacheParams:
        """One entry for each token and layer: the latent, and the key that all heads share."""
        return kv_cache_config.to_params(
            dtype=cache_dtype,
            n_kv_heads=1,
            head_dim=huggingface_config.kv_lora_rank + huggingface_config.qk_rope_head_dim,
            num_layers=cls.get_num_layers(huggingface_config),
            devices=devices,
            is_mla=True,
        )

    @classmethod
    def calculate_attention_multiplier(cls, huggingface_config: PretrainedConfig) -> float:
        """`1 / sqrt(query's elements)`, times the square of YaRN's factor for all of them."""
        hf = huggingface_config
        scale = float((hf.qk_nope_head_dim + hf.qk_rope_head_dim) ** -0.5)
        scaling = rope_scaling(hf)
        if isinstance(scaling, YarnScalingParams) and scaling.mscale_all_dim:
            scale *= scaling.sharpness(scaling.mscale_all_dim) ** 2
        return scale

    def layer_kind(self, index: int) -> LayerKind:
        """See `DecoderConfig.layer_kind`."""
        rope = RopeSettings(
            self.qk_rope_head_dim,
            self.rope_theta,
            self.has_interleaved_rope,
            self.rope_scaling_params,
        )
        return LayerKind(rope, Mask())

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=hf.n_routed_experts,
            width=hf.moe_intermediate_size,
            routing=cls.get_routing(hf),
            dense_layers=range(hf.first_k_dense_replace),
            shared_width=hf.moe_intermediate_size * hf.n_shared_experts,
            activation=hf.hidden_act,
            has_precise_router=True,
        )

    @classmethod
    def get_routing(cls, huggingface_config: PretrainedConfig) -> Routing:
        """How experts are chosen: among all, or in the groups whose best experts are best.

        Raises:
            ValueError: for another method.
        """
        hf = huggingface_config
        method = hf.topk_method or "greedy"
        groups = {
            "greedy": {"groups": 1, "top_groups": 1},
            "group_limited_greedy": {"groups": hf.n_group, "top_groups": hf.topk_group},
        }
        if method not in groups:
            raise ValueError(
                f"config.json asks for the routing '{method}' (topk_method), which is not "
                f"supported; known: {', '.join(groups)}"
            )
        return Routing(hf.num_experts_per_tok, scale=hf.routed_scaling_factor, **groups[method])
