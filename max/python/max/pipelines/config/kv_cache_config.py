"""Options of the KV cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from max.dtype import DType
from max.pipelines.config.base import ConfigModel

if TYPE_CHECKING:
    from max.graph import DeviceRef
    from max.nn.kv_cache import KVCacheParams


class KVCacheConfig(ConfigModel):
    """How the KV cache is laid out and how much memory it may take."""

    kv_cache_page_size: int = Field(
        default=128, ge=1, description="Tokens in one page of the KV cache."
    )
    enable_prefix_caching: bool = Field(
        default=True, description="Reuse cached pages of a prompt's beginning across requests."
    )
    device_memory_utilization: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Share of the available device memory for weights and KV cache together.",
    )
    kv_cache_format: Literal["float32", "bfloat16", "float8_e4m3fn", "int8"] | None = Field(
        default=None,
        description="Element type of the KV cache; when not given the weights' type, and bfloat16 "
        "for quantized weights. float8_e4m3fn (for GPUs) and int8 (for CPUs) have a factor for "
        "each vector: a little more than half of bfloat16's bytes.",
    )

    def cache_dtype(self, weights_dtype: DType) -> DType:
        """The element type of the cache for weights of that type."""
        return DType(self.kv_cache_format) if self.kv_cache_format else weights_dtype

    def to_params(
        self,
        dtype: DType,
        n_kv_heads: int,
        head_dim: int,
        num_layers: int,
        devices: Sequence[DeviceRef],
        data_parallel_degree: int = 1,
        is_mla: bool = False,
        num_q_heads: int | None = None,
        kvcache_quant_config: object | None = None,
        speculative_method: str | None = None,
        num_draft_tokens: int = 0,
        allow_kv_head_replication: bool | None = None,
    ) -> KVCacheParams:
        """The cache's parameters for a model of these dimensions.

        Args:
            dtype: element type of the cache.
            n_kv_heads: KV heads of a layer, over all devices.
            head_dim: width of a head.
            num_layers: layers that keep keys and values.
            devices: the devices that share the cache.
            data_parallel_degree: replicas of the model.
            is_mla: multi-head latent attention: a token has one entry of `head_dim` elements.
            num_q_heads: query heads; only multi-head latent attention reads it.
            kvcache_quant_config: scales of a quantized cache; not in this release.
            speculative_method: draft method; not in this release.
            num_draft_tokens: draft tokens of a step; not in this release.
            allow_kv_head_replication: overrides the option of that name; not in this release.

        Raises:
            NotImplementedError: if one of the parameters marked above is used.
        """
        from max.nn.kv_cache import KVCacheParams

        unavailable = {
            "kvcache_quant_config": kvcache_quant_config,
            "speculative_method": speculative_method,
            "num_draft_tokens": num_draft_tokens,
            "allow_kv_head_replication": allow_kv_head_replication,
        }
        used = [f"{name}={value!r}" for name, value in unavailable.items() if value]
        if used:
            raise NotImplementedError(
                f"to_params: {', '.join(used)}: not supported in this release"
            )
        return KVCacheParams(
            dtype=dtype,
            n_kv_heads=n_kv_heads,
            head_dim=head_dim,
            num_layers=num_layers,
            devices=list(devices),
            enable_prefix_caching=self.enable_prefix_caching,
            page_size=self.kv_cache_page_size,
            data_parallel_degree=data_parallel_degree,
            is_mla=is_mla,
        )
