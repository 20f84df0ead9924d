"""Registration of the Granite family."""

from max.pipelines.architectures.granite.checkpoint import GRANITE_FIELDS, GRANITE_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.granite"

granite_arch = decoder_architecture(
    name="GraniteForCausalLM",
    example_repo_ids=["ibm-granite/granite-3.3-2b-instruct", "ibm-granite/granite-3.3-8b-instruct"],
    pipeline_model=f"{_PACKAGE}.model:GraniteModel",
    config=f"{_PACKAGE}.model_config:GraniteConfig",
    config_fields=GRANITE_FIELDS,
    gguf=GRANITE_GGUF,
    rope_type="normal",
)
