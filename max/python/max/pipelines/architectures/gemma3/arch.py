"""Registration of the Gemma3 family."""

from max.pipelines.architectures.gemma3.checkpoint import GEMMA3_FIELDS, GEMMA3_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.gemma3"

gemma3_arch = decoder_architecture(
    name="Gemma3ForCausalLM",
    example_repo_ids=["google/gemma-3-270m-it", "google/gemma-3-1b-it"],
    pipeline_model=f"{_PACKAGE}.model:Gemma3Model",
    config=f"{_PACKAGE}.model_config:Gemma3Config",
    config_fields=GEMMA3_FIELDS,
    gguf=GEMMA3_GGUF,
    weight_adapters=decoder_adapters(
        gguf="max.pipelines.lib.decoder_weights:convert_gguf_sandwich"
    ),
    rope_type="neox",
)
