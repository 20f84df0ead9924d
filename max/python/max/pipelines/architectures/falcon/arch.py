"""Registration of the Falcon family."""

from max.pipelines.architectures.falcon.checkpoint import FALCON_FIELDS, FALCON_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.falcon"

falcon_arch = decoder_architecture(
    name="FalconForCausalLM",
    example_repo_ids=["tiiuae/falcon-7b-instruct", "tiiuae/falcon-11B"],
    pipeline_model=f"{_PACKAGE}.model:FalconModel",
    config=f"{_PACKAGE}.model_config:FalconConfig",
    config_fields=FALCON_FIELDS,
    gguf=FALCON_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors",
        gguf=f"{_PACKAGE}.weight_adapters:convert_gguf",
    ),
    rope_type="neox",
)
