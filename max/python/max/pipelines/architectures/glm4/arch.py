"""Registration of the Glm4 family."""

from max.pipelines.architectures.glm4.checkpoint import GLM4_FIELDS, GLM4_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.glm4"

glm4_arch = decoder_architecture(
    name="Glm4ForCausalLM",
    example_repo_ids=["zai-org/GLM-4-9B-0414", "zai-org/GLM-4-32B-0414"],
    pipeline_model=f"{_PACKAGE}.model:Glm4Model",
    config=f"{_PACKAGE}.model_config:Glm4Config",
    config_fields=GLM4_FIELDS,
    gguf=GLM4_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors",
        gguf=f"{_PACKAGE}.weight_adapters:convert_gguf",
    ),
    rope_type="normal",
)
