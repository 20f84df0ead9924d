"""Registration of the Olmo3 family."""

from max.pipelines.architectures.olmo3.checkpoint import OLMO3_FIELDS
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.olmo3"

olmo3_arch = decoder_architecture(
    name="Olmo3ForCausalLM",
    example_repo_ids=["allenai/Olmo-3-7B-Instruct", "allenai/Olmo-3-7B-Think"],
    pipeline_model=f"{_PACKAGE}.model:Olmo3Model",
    config=f"{_PACKAGE}.model_config:Olmo3Config",
    config_fields=OLMO3_FIELDS,
    weight_adapters=decoder_adapters(
        gguf="max.pipelines.lib.decoder_weights:convert_gguf_sandwich"
    ),
    rope_type="neox",
)
