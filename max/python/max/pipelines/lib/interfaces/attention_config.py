"""A configuration that asks its subclass only for the attention's sizes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from max.driver import load_devices
from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import KVCacheParams
from max.pipelines.config import KVCacheConfig, MAXModelConfig, PipelineConfig
from max.pipelines.lib.utils import upper_bounded_default

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass
class ArchConfigWithAttentionKVCache(ABC):
    """A configuration of a decoder whose cache follows from four numbers.

    Args:
        dtype: of the weights.
        devices: where the model runs.
        cache_dtype: of keys and values; the weights' unless given.
        kv_cache: settings of the cache.
        data_parallel_degree: 1 in this release.
        user_provided_max_length: `--max-length`.
        huggingface_config: config.json.
    """

    dtype: DType
    devices: Sequence[DeviceRef] = (DeviceRef.CPU(),)
    cache_dtype: DType | None = None
    kv_cache: KVCacheConfig = field(default_factory=KVCacheConfig)
    data_parallel_degree: int = 1
    user_provided_max_length: int | None = None
    huggingface_config: PretrainedConfig | None = None

    @property
    @abstractmethod
    def num_key_value_heads(self) -> int:
        """KV heads."""

    @property
    @abstractmethod
    def head_dim(self) -> int:
        """Elements of a head."""

    @property
    @abstractmethod
    def num_layers(self) -> int:
        """Layers that have keys and values."""

    @property
    @abstractmethod
    def model_max_seq_len(self) -> int:
        """Most tokens that the model can do."""

    @classmethod
    def initialize(
        cls, pipeline_config: PipelineConfig, model_config: MAXModelConfig | None = None
    ) -> Self:
        """Takes the settings; config.json is kept for the abstract properties to read."""
        model_config = model_config or pipeline_config.model
        devices = load_devices(model_config.device_specs)
        return cls(
            dtype=model_config.dtype,
            devices=[DeviceRef.from_device(d) for d in devices],
            cache_dtype=model_config.cache_dtype,
            kv_cache=model_config.kv_cache,
            data_parallel_degree=model_config.data_parallel_degree,
            user_provided_max_length=model_config.max_length,
            huggingface_config=model_config.huggingface_config,
        )

    def get_kv_params(self) -> KVCacheParams:
        """Sizes of the cache."""
        return self.kv_cache.to_params(
            dtype=self.cache_dtype or self.dtype,
            n_kv_heads=self.num_key_value_heads,
            head_dim=self.head_dim,
            num_layers=self.num_layers,
            devices=self.devices,
            data_parallel_degree=self.data_parallel_degree,
        )

    def get_max_seq_len(self) -> int:
        """`--max-length`, up to the model's limit."""
        return upper_bounded_default(self.model_max_seq_len, self.user_provided_max_length)
