"""Registration of BERT."""

from max.pipelines.architectures.bert.checkpoint import BERT_FIELDS, BERT_GGUF
from max.pipelines.lib.embed.encoder_architecture import encoder_architecture
from max.pipelines.lib.supported_architecture import decoder_adapters

_PACKAGE = "max.pipelines.architectures.bert"

bert_arch = encoder_architecture(
    name="BertModel",
    example_repo_ids=["sentence-transformers/all-MiniLM-L6-v2", "BAAI/bge-small-en-v1.5"],
    pipeline_model=f"{_PACKAGE}.model:BertModel",
    config=f"{_PACKAGE}.model_config:BertConfig",
    config_fields=BERT_FIELDS,
    gguf=BERT_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensor_state_dict",
        gguf=f"{_PACKAGE}.weight_adapters:convert_gguf_state_dict",
    ),
)
