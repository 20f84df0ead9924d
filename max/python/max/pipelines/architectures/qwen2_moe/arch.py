"""Registration of the Qwen2Moe family."""

from max.pipelines.architectures.qwen2_moe.checkpoint import QWEN2_MOE_FIELDS, QWEN2_MOE_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture, expert_adapters

_PACKAGE = "max.pipelines.architectures.qwen2_moe"

qwen2_moe_arch = decoder_architecture(
    name="Qwen2MoeForCausalLM",
    example_repo_ids=["Qwen/Qwen1.5-MoE-A2.7B-Chat", "Qwen/Qwen2-57B-A14B-Instruct"],
    pipeline_model=f"{_PACKAGE}.model:Qwen2MoeModel",
    config=f"{_PACKAGE}.model_config:Qwen2MoeConfig",
    config_fields=QWEN2_MOE_FIELDS,
    gguf=QWEN2_MOE_GGUF,
    weight_adapters=expert_adapters(),
    rope_type="neox",
)
