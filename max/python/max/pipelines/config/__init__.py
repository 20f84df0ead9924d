"""What a pipeline is configured by: model, KV cache, sampling, runtime."""

from max.pipelines.config.base import ConfigModel
from max.pipelines.config.kv_cache_config import KVCacheConfig
from max.pipelines.config.lora_config import LoRAConfig
from max.pipelines.config.model_config import MAXModelConfig
from max.pipelines.config.pipeline_config import ModelManifest, PipelineConfig
from max.pipelines.config.profiling_config import ProfilingConfig
from max.pipelines.config.runtime_config import PipelineRuntimeConfig
from max.pipelines.config.sampling_config import SamplingConfig
from max.pipelines.config.sampling_defaults import SamplingParamsGenerationConfigDefaults
from max.pipelines.config.speculative_config import SpeculativeConfig
from max.pipelines.modeling.config_enums import (
    SupportedEncoding,
    is_float4_encoding,
    parse_supported_encoding_from_file_name,
    supported_encoding_dtype,
    supported_encoding_supported_devices,
    supported_encoding_supported_on,
)
from max.pipelines.modeling.errors import ConfigurationError, ModelSourceError

__all__ = [
    "ConfigModel",
    "ConfigurationError",
    "KVCacheConfig",
    "LoRAConfig",
    "MAXModelConfig",
    "ModelManifest",
    "ModelSourceError",
    "PipelineConfig",
    "PipelineRuntimeConfig",
    "ProfilingConfig",
    "SamplingConfig",
    "SamplingParamsGenerationConfigDefaults",
    "SpeculativeConfig",
    "SupportedEncoding",
    "is_float4_encoding",
    "parse_supported_encoding_from_file_name",
    "supported_encoding_dtype",
    "supported_encoding_supported_devices",
    "supported_encoding_supported_on",
]
