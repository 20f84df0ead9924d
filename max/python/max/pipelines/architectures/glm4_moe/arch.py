"""Registration of the Glm4Moe family."""

from max.pipelines.architectures.glm4_moe.checkpoint import GLM4_MOE_FIELDS, GLM4_MOE_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture, expert_adapters

_PACKAGE = "max.pipelines.architectures.glm4_moe"

glm4_moe_arch = decoder_architecture(
    name="Glm4MoeForCausalLM",
    example_repo_ids=["zai-org/GLM-4.5-Air"],
    pipeline_model=f"{_PACKAGE}.model:Glm4MoeModel",
    config=f"{_PACKAGE}.model_config:Glm4MoeConfig",
    config_fields=GLM4_MOE_FIELDS,
    gguf=GLM4_MOE_GGUF,
    weight_adapters=expert_adapters(),
    rope_type="neox",
)
