"""Registration of the Phi family."""

from max.pipelines.architectures.phi.checkpoint import PHI_FIELDS, PHI_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.phi"

phi_arch = decoder_architecture(
    name="PhiForCausalLM",
    example_repo_ids=["microsoft/phi-1_5", "microsoft/phi-2"],
    pipeline_model=f"{_PACKAGE}.model:PhiModel",
    config=f"{_PACKAGE}.model_config:PhiConfig",
    config_fields=PHI_FIELDS,
    gguf=PHI_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors",
    ),
    rope_type="neox",
)
