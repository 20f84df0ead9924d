"""Registration of the GraniteMoe family."""

from max.pipelines.architectures.granitemoe.checkpoint import GRANITEMOE_FIELDS, GRANITEMOE_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.granitemoe"

granitemoe_arch = decoder_architecture(
    name="GraniteMoeForCausalLM",
    example_repo_ids=["ibm-granite/granite-3.1-3b-a800m-instruct"],
    pipeline_model=f"{_PACKAGE}.model:GraniteMoeModel",
    config=f"{_PACKAGE}.model_config:GraniteMoeConfig",
    config_fields=GRANITEMOE_FIELDS,
    gguf=GRANITEMOE_GGUF,
    weight_adapters=decoder_adapters(
        safetensors="max.pipelines.architectures.granitemoe.weight_adapters:convert_safetensors",
        gguf="max.pipelines.lib.expert_weights:convert_gguf",
    ),
    rope_type="normal",
)
