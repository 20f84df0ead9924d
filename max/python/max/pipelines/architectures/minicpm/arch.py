"""Registration of the MiniCPM family."""

from max.pipelines.architectures.minicpm.checkpoint import MINICPM_FIELDS, MINICPM_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.minicpm"

minicpm_arch = decoder_architecture(
    name="MiniCPMForCausalLM",
    example_repo_ids=["openbmb/MiniCPM-2B-sft-bf16", "openbmb/MiniCPM4-0.5B"],
    pipeline_model=f"{_PACKAGE}.model:MiniCPMModel",
    config=f"{_PACKAGE}.model_config:MiniCPMConfig",
    config_fields=MINICPM_FIELDS,
    gguf=MINICPM_GGUF,
    rope_type="normal",
)
