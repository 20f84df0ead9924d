"""What an architecture's configuration offers, and mixins for the usual ways to offer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from max.dtype import DType
from max.graph import DeviceRef
from max.nn.kv_cache import KVCacheParamInterface, KVCacheParams
from max.pipelines.config import KVCacheConfig, MAXModelConfig, PipelineConfig
from max.pipelines.lib.utils import bounded_max_length

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@runtime_checkable
class ArchConfig(Protocol):
    """The configuration that an architecture makes of Hugging Face's config.json."""

    @classmethod
    def initialize(
        cls, pipeline_config: PipelineConfig, model_config: MAXModelConfig | None = None
    ) -> Self:
        """Reads config.json (`model_config.huggingface_config`) and the pipeline's settings.

        Args:
            pipeline_config: all settings.
            model_config: which model's; `pipeline_config.model` unless given.
        """
        ...

    def get_max_seq_len(self) -> int:
        """Most tokens of a request, prompt and output together."""
        ...


@runtime_checkable
class ArchConfigWithKVCache(ArchConfig, Protocol):
    """The configuration of a model with a KV cache."""

    def get_kv_params(self) -> KVCacheParamInterface:
        """Sizes of the cache."""
        ...


class ArchConfigWithBoundedMaxSeqLen:
    """`get_max_seq_len` from a field: what the user asks for, up to what the model can do."""

    max_seq_len: int

    def get_max_seq_len(self) -> int:
        """Most tokens of a request, prompt and output together."""
        return self.max_seq_len

    @classmethod
    def calculate_max_seq_len(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> int:
        """`--max-length`, or the model's `max_position_embeddings`.

        Raises:
            ValueError: if `--max-length` is more than the model's limit.
        """
        return bounded_max_length(pipeline_config, huggingface_config, model_config)


class ArchConfigWithPermissiveMaxSeqLen(ArchConfigWithBoundedMaxSeqLen):
    """`calculate_max_seq_len` that lets the user exceed the model's limit."""

    @classmethod
    def calculate_max_seq_len(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> int:
        """`--max-length`, or the model's `max_position_embeddings`."""
        model_config = model_config or pipeline_config.model
        limit: int = huggingface_config.max_position_embeddings
        return model_config.max_length or limit


class ArchConfigWithStoredKVParams:
    """`get_kv_params` from a field, made from the usual fields of config.json."""

    kv_params: KVCacheParams

    def get_kv_params(self) -> KVCacheParams:
        """Sizes of the cache."""
        return self.kv_params

    @staticmethod
    def get_head_dim(huggingface_config: PretrainedConfig) -> int:
        """`head_dim`, or hidden size by heads where config.json does not have it."""
        given: Any = getattr(huggingface_config, "head_dim", None)
        heads: int = huggingface_config.num_attention_heads
        if heads < 1:
            raise ValueError(f"num_attention_heads must be at least 1, got {heads}: in config.json")
        computed: int = huggingface_config.hidden_size // heads
        return int(given) if given else computed

    @staticmethod
    def get_num_kv_heads(huggingface_config: PretrainedConfig) -> int:
        """`num_key_value_heads`, or a head for each query where config.json does not have it."""
        given: Any = getattr(huggingface_config, "num_key_value_heads", None)
        return int(given or huggingface_config.num_attention_heads)

    @staticmethod
    def get_num_layers(huggingface_config: PretrainedConfig) -> int:
        """`num_hidden_layers`."""
        layers: int = huggingface_config.num_hidden_layers
        return layers

    @classmethod
    def construct_kv_params(
        cls,
        huggingface_config: PretrainedConfig,
        pipeline_config: PipelineConfig,
        devices: Sequence[DeviceRef],
        kv_cache_config: KVCacheConfig,
        cache_dtype: DType,
    ) -> KVCacheParams:
        """Sizes of the cache from the usual fields of config.json."""
        return kv_cache_config.to_params(
            dtype=cache_dtype,
            n_kv_heads=cls.get_num_kv_heads(huggingface_config),
            head_dim=cls.get_head_dim(huggingface_config),
            num_layers=cls.get_num_layers(huggingface_config),
            devices=devices,
            data_parallel_degree=pipeline_config.model.data_parallel_degree,
        )
