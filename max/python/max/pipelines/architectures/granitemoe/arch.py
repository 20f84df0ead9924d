"""Registration of the GraniteMoe family."""

from max.pipelines.architectures.granitemoe.checkpoint import GRANITEMOE_FIELDS, GRANITEMOE_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture, expert_adapters

_PACKAGE = "max.pipelines.architectures.granitemoe"

granitemoe_arch = decoder_architecture(
    name="GraniteMoeForCausalLM",
    example_repo_ids=["ibm-granite/granite-3.1-3b-a800m-instruct"],
    pipeline_model=f"{_PACKAGE}.model:GraniteMoeModel",
    config=f"{_PACKAGE}.model_config:GraniteMoeConfig",
    config_fields=GRANITEMOE_FIELDS,
    gguf=GRANITEMOE_GGUF,
    weight_adapters=expert_adapters(safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors"),
    rope_type="normal",
)
