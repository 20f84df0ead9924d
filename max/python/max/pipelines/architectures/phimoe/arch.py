"""Registration of the PhiMoe family."""

from max.pipelines.architectures.phimoe.checkpoint import PHIMOE_FIELDS
from max.pipelines.lib.supported_architecture import decoder_architecture, expert_adapters

_PACKAGE = "max.pipelines.architectures.phimoe"

phimoe_arch = decoder_architecture(
    name="PhimoeForCausalLM",
    example_repo_ids=["microsoft/Phi-3.5-MoE-instruct"],
    pipeline_model=f"{_PACKAGE}.model:PhiMoeModel",
    config=f"{_PACKAGE}.model_config:PhiMoeConfig",
    config_fields=PHIMOE_FIELDS,
    weight_adapters=expert_adapters(),
    rope_type="longrope",
)
