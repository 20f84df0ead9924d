"""Registration of the Llama4 family."""

from max.pipelines.architectures.llama4.checkpoint import LLAMA4_FIELDS, LLAMA4_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture, expert_adapters

_PACKAGE = "max.pipelines.architectures.llama4"

llama4_arch = decoder_architecture(
    name="Llama4ForCausalLM",
    example_repo_ids=["meta-llama/Llama-4-Scout-17B-16E-Instruct"],
    pipeline_model=f"{_PACKAGE}.model:Llama4Model",
    config=f"{_PACKAGE}.model_config:Llama4Config",
    config_fields=LLAMA4_FIELDS,
    gguf=LLAMA4_GGUF,
    weight_adapters=expert_adapters(safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors"),
    batching="max.pipelines.lib.interfaces:PositionedBatchProcessor",
    rope_type="normal",
)
