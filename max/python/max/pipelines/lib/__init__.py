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
    from max.pipelines.lib.lazy_architecture import LazyArchitecture
    from max.pipelines.lib.registry import PIPELINE_REGISTRY, PipelineRegistry
    from max.pipelines.lib.supported_architecture import SupportedArchitecture
    from max.pipelines.lib.text_generation import TextGenerationPipeline
    from max.pipelines.lib.tokenizer import TextTokenizer
    from max.pipelines.lib.utils import (
        get_rope_theta,
        parse_state_dict_from_weights,
        upper_bounded_default,
    )

_MODULES = {
    "max.pipelines.config": (
        "KVCacheConfig",
        "LoRAConfig",
        "MAXModelConfig",
        "PipelineConfig",
        "PipelineRuntimeConfig",
        "SamplingConfig",
        "SupportedEncoding",
    ),
    "max.pipelines.kv_cache": ("PagedKVCacheManager", "PagedMemoryPlanner"),
    "max.pipelines.lib.interfaces": (
        "ArchConfig",
        "ArchConfigWithAttentionKVCache",
        "ArchConfigWithBoundedMaxSeqLen",
        "ArchConfigWithKVCache",
        "ArchConfigWithPermissiveMaxSeqLen",
        "ArchConfigWithStoredKVParams",
        "BatchProcessor",
        "BatchProcessorRuntime",
        "ModelInputs",
        "ModelOutputs",
        "PipelineModel",
        "PipelineModelWithKVCache",
        "RaggedBatchProcessor",
        "RaggedModelInputs",
    ),
    "max.pipelines.lib.lazy_architecture": ("LazyArchitecture",),
    "max.pipelines.lib.registry": ("PIPELINE_REGISTRY", "PipelineRegistry"),
    "max.pipelines.lib.supported_architecture": ("SupportedArchitecture",),
    "max.pipelines.lib.text_generation": ("TextGenerationPipeline",),
    "max.pipelines.lib.tokenizer": ("TextTokenizer",),
    "max.pipelines.lib.utils": (
        "get_rope_theta",
        "parse_state_dict_from_weights",
        "upper_bounded_default",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what the name is
    if name not in _MODULE_OF:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)
