"""Registration of the SmolLM3 family."""

from max.pipelines.architectures.smollm3.checkpoint import SMOLLM3_FIELDS, SMOLLM3_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.smollm3"

smollm3_arch = decoder_architecture(
    name="SmolLM3ForCausalLM",
    example_repo_ids=["HuggingFaceTB/SmolLM3-3B"],
    pipeline_model=f"{_PACKAGE}.model:SmolLM3Model",
    config=f"{_PACKAGE}.model_config:SmolLM3Config",
    config_fields=SMOLLM3_FIELDS,
    gguf=SMOLLM3_GGUF,
    rope_type="normal",
)
