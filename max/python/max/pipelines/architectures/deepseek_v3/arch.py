"""Registration of the DeepseekV3 family."""

from max.pipelines.architectures.deepseek_v3.checkpoint import DEEPSEEK_V3_FIELDS
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.deepseek_v3"
_ADAPTERS = "max.pipelines.architectures.deepseek_v2.weight_adapters"

deepseek_v3_arch = decoder_architecture(
    name="DeepseekV3ForCausalLM",
    example_repo_ids=["deepseek-ai/DeepSeek-V3-Base"],
    pipeline_model=f"{_PACKAGE}.model:DeepseekV3Model",
    config=f"{_PACKAGE}.model_config:DeepseekV3Config",
    config_fields=DEEPSEEK_V3_FIELDS,
    weight_adapters=decoder_adapters(
        safetensors=f"{_ADAPTERS}:convert_safetensors", gguf=f"{_ADAPTERS}:convert_gguf"
    ),
    rope_type="yarn",
)
