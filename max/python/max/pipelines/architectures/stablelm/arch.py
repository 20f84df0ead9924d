"""Registration of the StableLm family."""

from max.pipelines.architectures.stablelm.checkpoint import STABLELM_FIELDS, STABLELM_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.stablelm"

stablelm_arch = decoder_architecture(
    name="StableLmForCausalLM",
    example_repo_ids=["stabilityai/stablelm-2-1_6b-chat", "stabilityai/stablelm-2-12b-chat"],
    pipeline_model=f"{_PACKAGE}.model:StableLmModel",
    config=f"{_PACKAGE}.model_config:StableLmConfig",
    config_fields=STABLELM_FIELDS,
    gguf=STABLELM_GGUF,
    weight_adapters=decoder_adapters(safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors"),
    rope_type="neox",
)
