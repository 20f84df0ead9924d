"""Registration of the Qwen2 family."""

from max.pipelines.architectures.qwen2.checkpoint import QWEN2_FIELDS, QWEN2_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.qwen2"

qwen2_arch = decoder_architecture(
    name="Qwen2ForCausalLM",
    example_repo_ids=["Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct"],
    pipeline_model=f"{_PACKAGE}.model:Qwen2Model",
    config=f"{_PACKAGE}.model_config:Qwen2Config",
    config_fields=QWEN2_FIELDS,
    gguf=QWEN2_GGUF,
    rope_type="neox",
)
