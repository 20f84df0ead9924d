"""`max.pipelines.config` under the name that the documentation imports it by."""

from max.pipelines.config import (
    KVCacheConfig,
    LoRAConfig,
    MAXModelConfig,
    PipelineConfig,
    PipelineRuntimeConfig,
    SamplingConfig,
    SupportedEncoding,
)

__all__ = [
    "KVCacheConfig",
    "LoRAConfig",
    "MAXModelConfig",
    "PipelineConfig",
    "PipelineRuntimeConfig",
    "SamplingConfig",
    "SupportedEncoding",
]
