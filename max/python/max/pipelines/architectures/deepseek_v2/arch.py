"""Registration of the DeepseekV2 family."""

from max.pipelines.architectures.deepseek_v2.checkpoint import DEEPSEEK_GGUF, DEEPSEEK_V2_FIELDS
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.deepseek_v2"
_ADAPTERS = "max.pipelines.architectures.deepseek_v2.weight_adapters"

deepseek_v2_arch = decoder_architecture(
    name="DeepseekV2ForCausalLM",
    example_repo_ids=["deepseek-ai/DeepSeek-V2-Lite-Chat"],
    pipeline_model=f"{_PACKAGE}.model:DeepseekV2Model",
    config=f"{_PACKAGE}.model_config:DeepseekV2Config",
    config_fields=DEEPSEEK_V2_FIELDS,
    gguf=DEEPSEEK_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_ADAPTERS}:convert_safetensors", gguf=f"{_ADAPTERS}:convert_gguf"
    ),
    rope_type="yarn",
)
