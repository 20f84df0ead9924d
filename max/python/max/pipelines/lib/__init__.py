"""Registry, tokenizers, pipelines and what architectures implement.

Names are imported when they are first used, so that the command line need not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from max.pipelines.config import (
        KVCacheConfig,
        LoRAConfig,
        MAXModelConfig,
        PipelineConfig,
        PipelineRuntimeConfig,
        SamplingConfig,
        SupportedEncoding,
    )
    from max.pipelines.kv_cache import PagedKVCacheManager, PagedMemoryPlanner
    from max.pipelines.lib.compilation_timer import CompilationTimer
    from max.pipelines.lib.interfaces import (
        ArchConfig,
        ArchConfigWithAttentionKVCache,
        ArchConfigWithBoundedMaxSeqLen,
        ArchConfigWithKVCache,
        ArchConfigWithPermissiveMaxSeqLen,
        ArchConfigWithStoredKVParams,
        BatchProcessor,
        BatchProcessorRuntime,
        ModelInputs,
        ModelOutputs,
        PipelineModel,
        PipelineModelWithKVCache,
        RaggedBatchProcessor,
        RaggedModelInputs,
    )
    from max.pipelines.lib.log_probabilities import LogProbabilitiesMixin
    from max.pipelines.lib.registry import PIPELINE_REGISTRY, PipelineRegistry
    from max.pipelines.lib.supported_architecture import SupportedArchitecture
    from max.pipelines.lib.text_generation import TextGenerationPipeline
    from max.pipelines.lib.tokenizer import TextTokenizer
    from max.pipelines.lib.utils import (
        get_rope_theta,
        parse_state_dict_from_weights,
        upper_bounded_default,
    )
    from max.pipelines.lib.weight_encoding import encode_weights

# Where the names are; light modules first, so that a light name imports nothing heavy.
_HOMES = (
    "max.pipelines.config",
    "max.pipelines.lib.registry",
    "max.pipelines.lib.supported_architecture",
    "max.pipelines.lib.interfaces",
    "max.pipelines.lib.utils",
    "max.pipelines.lib.compilation_timer",
    "max.pipelines.lib.weight_encoding",
    "max.pipelines.lib.tokenizer",
    "max.pipelines.lib.log_probabilities",
    "max.pipelines.lib.text_generation",
    "max.pipelines.kv_cache",
)

__all__ = [
    "PIPELINE_REGISTRY",
    "ArchConfig",
    "ArchConfigWithAttentionKVCache",
    "ArchConfigWithBoundedMaxSeqLen",
    "ArchConfigWithKVCache",
    "ArchConfigWithPermissiveMaxSeqLen",
    "ArchConfigWithStoredKVParams",
    "BatchProcessor",
    "BatchProcessorRuntime",
    "CompilationTimer",
    "KVCacheConfig",
    "LoRAConfig",
    "LogProbabilitiesMixin",
    "MAXModelConfig",
    "ModelInputs",
    "ModelOutputs",
    "PagedKVCacheManager",
    "PagedMemoryPlanner",
    "PipelineConfig",
    "PipelineModel",
    "PipelineModelWithKVCache",
    "PipelineRegistry",
    "PipelineRuntimeConfig",
    "RaggedBatchProcessor",
    "RaggedModelInputs",
    "SamplingConfig",
    "SupportedArchitecture",
    "SupportedEncoding",
    "TextGenerationPipeline",
    "TextTokenizer",
    "encode_weights",
    "get_rope_theta",
    "parse_state_dict_from_weights",
    "upper_bounded_default",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            module = importlib.import_module(home)
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
