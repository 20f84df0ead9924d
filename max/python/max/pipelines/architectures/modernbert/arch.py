"""Registration of ModernBERT."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.modernbert.checkpoint import MODERNBERT_FIELDS, MODERNBERT_GGUF
from max.pipelines.lib.embed.sentence_settings import ENCODER_ARGUMENTS, encoder_max_length
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.modeling.types import PipelineTask

modernbert_arch = SupportedArchitecture(
    name="ModernBertModel",
    task=PipelineTask.EMBEDDINGS_GENERATION,
    example_repo_ids=["Alibaba-NLP/gte-modernbert-base", "nomic-ai/modernbert-embed-base"],
    default_encoding="float32",
    supported_encodings=set(DECODER_ENCODINGS),
    tokenizer="max.pipelines.lib.embed.tokenizer:SentenceTokenizer",
    pipeline_model="max.pipelines.architectures.modernbert.model:ModernBertModel",
    config="max.pipelines.architectures.modernbert.model_config:ModernBertConfig",
    config_fields=MODERNBERT_FIELDS,
    gguf=MODERNBERT_GGUF,
    max_length=encoder_max_length,
    weight_adapters={
        WeightsFormat.safetensors: (
            "max.pipelines.architectures.modernbert.weight_adapters:convert_safetensor_state_dict"
        ),
        WeightsFormat.gguf: (
            "max.pipelines.architectures.modernbert.weight_adapters:convert_gguf_state_dict"
        ),
    },
    batching="max.pipelines.lib.embed.batching:EncoderBatchProcessor",
    required_arguments=ENCODER_ARGUMENTS,
    rope_type="neox",
)
