"""Registration of the Cohere2 family."""

from max.pipelines.architectures.cohere2.checkpoint import COHERE2_FIELDS, COHERE2_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.cohere2"

cohere2_arch = decoder_architecture(
    name="Cohere2ForCausalLM",
    example_repo_ids=["CohereLabs/c4ai-command-r7b-12-2024", "CohereLabs/c4ai-command-a-03-2025"],
    pipeline_model=f"{_PACKAGE}.model:Cohere2Model",
    config=f"{_PACKAGE}.model_config:Cohere2Config",
    config_fields=COHERE2_FIELDS,
    gguf=COHERE2_GGUF,
    rope_type="normal",
)
