"""Registration of the Olmo family."""

from max.pipelines.architectures.olmo.checkpoint import OLMO_FIELDS, OLMO_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.olmo"

olmo_arch = decoder_architecture(
    name="OlmoForCausalLM",
    example_repo_ids=["allenai/OLMo-1B-hf", "allenai/OLMo-7B-0724-Instruct-hf"],
    pipeline_model=f"{_PACKAGE}.model:OlmoModel",
    config=f"{_PACKAGE}.model_config:OlmoConfig",
    config_fields=OLMO_FIELDS,
    gguf=OLMO_GGUF,
    rope_type="normal",
)
