"""Registration of the Olmoe family."""

from max.pipelines.architectures.olmoe.checkpoint import OLMOE_FIELDS, OLMOE_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture, expert_adapters

_PACKAGE = "max.pipelines.architectures.olmoe"

olmoe_arch = decoder_architecture(
    name="OlmoeForCausalLM",
    example_repo_ids=["allenai/OLMoE-1B-7B-0125-Instruct"],
    pipeline_model=f"{_PACKAGE}.model:OlmoeModel",
    config=f"{_PACKAGE}.model_config:OlmoeConfig",
    config_fields=OLMOE_FIELDS,
    gguf=OLMOE_GGUF,
    weight_adapters=expert_adapters(),
    rope_type="neox",
)
