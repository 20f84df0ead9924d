"""Registration of the Gemma2 family."""

from max.pipelines.architectures.gemma2.checkpoint import GEMMA2_FIELDS, GEMMA2_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.gemma2"

gemma2_arch = decoder_architecture(
    name="Gemma2ForCausalLM",
    example_repo_ids=["google/gemma-2-2b-it", "google/gemma-2-9b-it"],
    pipeline_model=f"{_PACKAGE}.model:Gemma2Model",
    config=f"{_PACKAGE}.model_config:Gemma2Config",
    config_fields=GEMMA2_FIELDS,
    gguf=GEMMA2_GGUF,
    weight_adapters=decoder_adapters(
        gguf="max.pipelines.lib.decoder_weights:convert_gguf_sandwich"
    ),
    rope_type="neox",
)
