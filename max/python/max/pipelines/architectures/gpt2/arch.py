"""Registration of the GPT2 family."""

from max.pipelines.architectures.gpt2.checkpoint import GPT2_FIELDS, GPT2_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.gpt2"

gpt2_arch = decoder_architecture(
    name="GPT2LMHeadModel",
    example_repo_ids=["openai-community/gpt2", "openai-community/gpt2-xl", "distilbert/distilgpt2"],
    pipeline_model=f"{_PACKAGE}.model:GPT2Model",
    config=f"{_PACKAGE}.model_config:GPT2Config",
    config_fields=GPT2_FIELDS,
    gguf=GPT2_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors",
        gguf=f"{_PACKAGE}.weight_adapters:convert_gguf",
    ),
    batching="max.pipelines.lib.interfaces:PositionedBatchProcessor",
    rope_type="none",
)
