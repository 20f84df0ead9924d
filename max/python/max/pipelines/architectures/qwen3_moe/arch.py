"""Registration of the Qwen3Moe family."""

from max.pipelines.architectures.qwen3_moe.checkpoint import QWEN3_MOE_FIELDS, QWEN3_MOE_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture, expert_adapters

_PACKAGE = "max.pipelines.architectures.qwen3_moe"

qwen3_moe_arch = decoder_architecture(
    name="Qwen3MoeForCausalLM",
    example_repo_ids=["Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-235B-A22B"],
    pipeline_model=f"{_PACKAGE}.model:Qwen3MoeModel",
    config=f"{_PACKAGE}.model_config:Qwen3MoeConfig",
    config_fields=QWEN3_MOE_FIELDS,
    gguf=QWEN3_MOE_GGUF,
    weight_adapters=expert_adapters(),
    rope_type="neox",
)
