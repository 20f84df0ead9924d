"""Registration of the Cohere family."""

from max.pipelines.architectures.cohere.checkpoint import COHERE_FIELDS, COHERE_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.cohere"

cohere_arch = decoder_architecture(
    name="CohereForCausalLM",
    example_repo_ids=["CohereLabs/c4ai-command-r-v01", "CohereLabs/aya-23-8B"],
    pipeline_model=f"{_PACKAGE}.model:CohereModel",
    config=f"{_PACKAGE}.model_config:CohereConfig",
    config_fields=COHERE_FIELDS,
    gguf=COHERE_GGUF,
    rope_type="normal",
)
