"""Registration of ModernBERT."""

from max.pipelines.architectures.modernbert.checkpoint import MODERNBERT_FIELDS, MODERNBERT_GGUF
from max.pipelines.lib.embed.encoder_architecture import encoder_architecture
from max.pipelines.lib.supported_architecture import decoder_adapters

_PACKAGE = "max.pipelines.architectures.modernbert"

modernbert_arch = encoder_architecture(
    name="ModernBertModel",
    example_repo_ids=["Alibaba-NLP/gte-modernbert-base", "nomic-ai/modernbert-embed-base"],
    pipeline_model=f"{_PACKAGE}.model:ModernBertModel",
    config=f"{_PACKAGE}.model_config:ModernBertConfig",
    config_fields=MODERNBERT_FIELDS,
    gguf=MODERNBERT_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensor_state_dict",
        gguf=f"{_PACKAGE}.weight_adapters:convert_gguf_state_dict",
    ),
    rope_type="neox",
)
