"""Registration of BERT."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.bert.checkpoint import BERT_FIELDS, BERT_GGUF
from max.pipelines.lib.embed.sentence_settings import ENCODER_ARGUMENTS, encoder_max_length
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.modeling.types import PipelineTask

bert_arch = SupportedArchitecture(
    name="BertModel",
    task=PipelineTask.EMBEDDINGS_GENERATION,
    example_repo_ids=["sentence-transformers/all-MiniLM-L6-v2", "BAAI/bge-small-en-v1.5"],
    default_encoding="float32",
    supported_encodings=set(DECODER_ENCODINGS),
    tokenizer="max.pipelines.lib.embed.tokenizer:SentenceTokenizer",
    pipeline_model="max.pipelines.architectures.bert.model:BertModel",
    config="max.pipelines.architectures.bert.model_config:BertConfig",
    config_fields=BERT_FIELDS,
    gguf=BERT_GGUF,
    max_length=encoder_max_length,
    weight_adapters={
        WeightsFormat.safetensors: (
            "max.pipelines.architectures.bert.weight_adapters:convert_safetensor_state_dict"
        ),
        WeightsFormat.gguf: (
            "max.pipelines.architectures.bert.weight_adapters:convert_gguf_state_dict"
        ),
    },
    batching="max.pipelines.lib.embed.batching:EncoderBatchProcessor",
    required_arguments=ENCODER_ARGUMENTS,
)
