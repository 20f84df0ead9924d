"""Registration of the GptOss family."""

from max.pipelines.architectures.gpt_oss.checkpoint import GPT_OSS_FIELDS, GPT_OSS_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.gpt_oss"

gpt_oss_arch = decoder_architecture(
    name="GptOssForCausalLM",
    example_repo_ids=["openai/gpt-oss-20b", "openai/gpt-oss-120b"],
    pipeline_model=f"{_PACKAGE}.model:GptOssModel",
    config=f"{_PACKAGE}.model_config:GptOssConfig",
    config_fields=GPT_OSS_FIELDS,
    gguf=GPT_OSS_GGUF,
    weight_adapters=decoder_adapters(
        safetensors="max.pipelines.architectures.gpt_oss.weight_adapters:convert_safetensors",
        gguf="max.pipelines.architectures.gpt_oss.weight_adapters:convert_gguf",
    ),
    rope_type="yarn",
)
