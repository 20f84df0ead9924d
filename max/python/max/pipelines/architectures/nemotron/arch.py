"""Registration of the Nemotron family."""

from max.pipelines.architectures.nemotron.checkpoint import NEMOTRON_FIELDS, NEMOTRON_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.nemotron"

nemotron_arch = decoder_architecture(
    name="NemotronForCausalLM",
    example_repo_ids=["nvidia/Minitron-4B-Base", "nvidia/Nemotron-4-Mini-Hindi-4B-Instruct"],
    pipeline_model=f"{_PACKAGE}.model:NemotronModel",
    config=f"{_PACKAGE}.model_config:NemotronConfig",
    config_fields=NEMOTRON_FIELDS,
    gguf=NEMOTRON_GGUF,
    weight_adapters=decoder_adapters(safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensors"),
    rope_type="neox",
)
