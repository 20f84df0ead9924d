"""Registration of the Olmo2 family."""

from max.pipelines.architectures.olmo2.checkpoint import OLMO2_FIELDS, OLMO2_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.olmo2"

olmo2_arch = decoder_architecture(
    name="Olmo2ForCausalLM",
    example_repo_ids=["allenai/OLMo-2-0425-1B-Instruct", "allenai/OLMo-2-1124-7B-Instruct"],
    pipeline_model=f"{_PACKAGE}.model:Olmo2Model",
    config=f"{_PACKAGE}.model_config:Olmo2Config",
    config_fields=OLMO2_FIELDS,
    gguf=OLMO2_GGUF,
    weight_adapters=decoder_adapters(
        gguf="max.pipelines.lib.decoder_weights:convert_gguf_sandwich"
    ),
    rope_type="neox",
)
