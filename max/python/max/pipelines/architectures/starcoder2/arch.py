"""Registration of the Starcoder2 family."""

from max.pipelines.architectures.starcoder2.checkpoint import STARCODER2_FIELDS, STARCODER2_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.starcoder2"

starcoder2_arch = decoder_architecture(
    name="Starcoder2ForCausalLM",
    example_repo_ids=["bigcode/starcoder2-3b", "bigcode/starcoder2-15b-instruct-v0.1"],
    pipeline_model=f"{_PACKAGE}.model:Starcoder2Model",
    config=f"{_PACKAGE}.model_config:Starcoder2Config",
    config_fields=STARCODER2_FIELDS,
    gguf=STARCODER2_GGUF,
    weight_adapters=decoder_adapters(safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors"),
    rope_type="neox",
)
