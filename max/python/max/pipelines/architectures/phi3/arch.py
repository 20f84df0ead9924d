"""Registration of the Phi3 family."""

from max.pipelines.architectures.phi3.checkpoint import PHI3_FIELDS, PHI3_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.phi3"

phi3_arch = decoder_architecture(
    name="Phi3ForCausalLM",
    example_repo_ids=["microsoft/Phi-3.5-mini-instruct", "microsoft/phi-4"],
    pipeline_model=f"{_PACKAGE}.model:Phi3Model",
    config=f"{_PACKAGE}.model_config:Phi3Config",
    config_fields=PHI3_FIELDS,
    gguf=PHI3_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors",
        gguf=f"{_PACKAGE}.weight_adapters:convert_gguf",
    ),
    rope_type="neox",
)
