"""Registration of the Mixtral family."""

from max.pipelines.architectures.mixtral.checkpoint import MIXTRAL_FIELDS
from max.pipelines.lib.supported_architecture import decoder_architecture, expert_adapters

_PACKAGE = "max.pipelines.architectures.mixtral"

mixtral_arch = decoder_architecture(
    name="MixtralForCausalLM",
    example_repo_ids=["mistralai/Mixtral-8x7B-Instruct-v0.1"],
    pipeline_model=f"{_PACKAGE}.model:MixtralModel",
    config=f"{_PACKAGE}.model_config:MixtralConfig",
    config_fields=MIXTRAL_FIELDS,
    weight_adapters=expert_adapters(),
    rope_type="neox",
)
