"""Registration of the Mixtral family."""

from max.pipelines.architectures.mixtral.checkpoint import MIXTRAL_FIELDS
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.mixtral"

mixtral_arch = decoder_architecture(
    name="MixtralForCausalLM",
    example_repo_ids=["mistralai/Mixtral-8x7B-Instruct-v0.1"],
    pipeline_model=f"{_PACKAGE}.model:MixtralModel",
    config=f"{_PACKAGE}.model_config:MixtralConfig",
    config_fields=MIXTRAL_FIELDS,
    weight_adapters=decoder_adapters(
        safetensors="max.pipelines.lib.expert_weights:convert_safetensors",
        gguf="max.pipelines.lib.expert_weights:convert_gguf",
    ),
    rope_type="neox",
)
