"""Registration of the Qwen3 family."""

from max.pipelines.architectures.qwen3.checkpoint import QWEN3_FIELDS, QWEN3_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.qwen3"

qwen3_arch = decoder_architecture(
    name="Qwen3ForCausalLM",
    example_repo_ids=["Qwen/Qwen3-0.6B", "Qwen/Qwen3-8B"],
    pipeline_model=f"{_PACKAGE}.model:Qwen3Model",
    config=f"{_PACKAGE}.model_config:Qwen3Config",
    config_fields=QWEN3_FIELDS,
    gguf=QWEN3_GGUF,
    rope_type="neox",
)
