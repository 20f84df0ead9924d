"""Registration of the Exaone4 family."""

from max.pipelines.architectures.exaone4.checkpoint import EXAONE4_FIELDS, EXAONE4_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.exaone4"

exaone4_arch = decoder_architecture(
    name="Exaone4ForCausalLM",
    example_repo_ids=["LGAI-EXAONE/EXAONE-4.0-1.2B", "LGAI-EXAONE/EXAONE-4.0-32B"],
    pipeline_model=f"{_PACKAGE}.model:Exaone4Model",
    config=f"{_PACKAGE}.model_config:Exaone4Config",
    config_fields=EXAONE4_FIELDS,
    gguf=EXAONE4_GGUF,
    weight_adapters=decoder_adapters(
        gguf="max.pipelines.lib.decoder_weights:convert_gguf_sandwich"
    ),
    rope_type="neox",
)
