"""What an architecture implements."""

from max.pipelines.lib.interfaces.arch_config import (
    ArchConfig,
    ArchConfigWithBoundedMaxSeqLen,
    ArchConfigWithKVCache,
    ArchConfigWithPermissiveMaxSeqLen,
    ArchConfigWithStoredKVParams,
)
from max.pipelines.lib.interfaces.attention_config import ArchConfigWithAttentionKVCache
from max.pipelines.lib.interfaces.batch_processor import (
    BatchProcessor,
    BatchProcessorRuntime,
    PositionedBatchProcessor,
    RaggedBatchProcessor,
    RaggedModelInputs,
)
from max.pipelines.lib.interfaces.model_io import ModelInputs, ModelOutputs
from max.pipelines.lib.interfaces.pipeline_model import PipelineModel, PipelineModelWithKVCache

__all__ = [
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
    "PositionedBatchProcessor",
    "RaggedBatchProcessor",
    "RaggedModelInputs",
]
