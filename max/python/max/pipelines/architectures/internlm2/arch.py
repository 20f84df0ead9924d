"""Registration of the InternLM2 family."""

from max.pipelines.architectures.internlm2.checkpoint import INTERNLM2_FIELDS, INTERNLM2_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.internlm2"

internlm2_arch = decoder_architecture(
    name="InternLM2ForCausalLM",
    example_repo_ids=["internlm/internlm2_5-1_8b-chat", "internlm/internlm2_5-7b-chat"],
    pipeline_model=f"{_PACKAGE}.model:InternLM2Model",
    config=f"{_PACKAGE}.model_config:InternLM2Config",
    config_fields=INTERNLM2_FIELDS,
    gguf=INTERNLM2_GGUF,
    weight_adapters=decoder_adapters(safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors"),
    rope_type="neox",
)
