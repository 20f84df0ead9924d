"""Registration of Qwen3 embedders."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.qwen3.checkpoint import QWEN3_FIELDS, QWEN3_GGUF
from max.pipelines.lib.embed.sentence_settings import EMBEDDER_ARGUMENTS
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.lib.utils import bounded_max_length
from max.pipelines.modeling.types import PipelineTask

_FOLDER = "max.pipelines.architectures.qwen3_embedding"


def _registered_as(name: str) -> SupportedArchitecture:
    return SupportedArchitecture(
        name=name,
        task=PipelineTask.EMBEDDINGS_GENERATION,
        example_repo_ids=["Qwen/Qwen3-Embedding-0.6B"],
        default_encoding="bfloat16",
        supported_encodings=set(DECODER_ENCODINGS),
        tokenizer="max.pipelines.lib.embed.tokenizer:SentenceTokenizer",
        pipeline_model=f"{_FOLDER}.model:Qwen3EmbeddingModel",
        config="max.pipelines.architectures.qwen3.model_config:Qwen3Config",
        config_fields=QWEN3_FIELDS,
        gguf=QWEN3_GGUF,
        max_length=bounded_max_length,
        weight_adapters={
            WeightsFormat.safetensors: f"{_FOLDER}.weight_adapters:convert_safetensor_state_dict",
            WeightsFormat.gguf: f"{_FOLDER}.weight_adapters:convert_gguf_state_dict",
        },
        batching="max.pipelines.lib.embed.batching:EmbedderBatchProcessor",
        required_arguments=EMBEDDER_ARGUMENTS,
        rope_type="neox",
    )


qwen3_embedding_arch = _registered_as("Qwen3ForCausalLM")
qwen3_model_arch = _registered_as("Qwen3Model")
