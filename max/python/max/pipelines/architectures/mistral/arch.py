"""Registration of the Mistral family."""

from max.pipelines.architectures.mistral.checkpoint import MISTRAL_FIELDS
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.mistral"

mistral_arch = decoder_architecture(
    name="MistralForCausalLM",
    example_repo_ids=["mistralai/Mistral-7B-Instruct-v0.3", "mistralai/Mistral-Nemo-Instruct-2407"],
    pipeline_model=f"{_PACKAGE}.model:MistralModel",
    config=f"{_PACKAGE}.model_config:MistralConfig",
    config_fields=MISTRAL_FIELDS,
    rope_type="neox",
)
