"""Registration of the Gemma family."""

from max.pipelines.architectures.gemma.checkpoint import GEMMA_FIELDS, GEMMA_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.gemma"

gemma_arch = decoder_architecture(
    name="GemmaForCausalLM",
    example_repo_ids=["google/gemma-2b-it", "google/gemma-7b-it"],
    pipeline_model=f"{_PACKAGE}.model:GemmaModel",
    config=f"{_PACKAGE}.model_config:GemmaConfig",
    config_fields=GEMMA_FIELDS,
    gguf=GEMMA_GGUF,
    rope_type="neox",
)
