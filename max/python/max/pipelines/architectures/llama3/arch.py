"""Registration of the Llama family."""

from max.pipelines.architectures.llama3.checkpoint import LLAMA_FIELDS, LLAMA_GGUF
from max.pipelines.lib.supported_architecture import decoder_adapters, decoder_architecture

_PACKAGE = "max.pipelines.architectures.llama3"

llama_arch = decoder_architecture(
    name="LlamaForCausalLM",
    example_repo_ids=[
        "meta-llama/Llama-3.1-8B-Instruct",
        "meta-llama/Llama-3.2-1B-Instruct",
        "HuggingFaceTB/SmolLM2-360M-Instruct",
    ],
    pipeline_model=f"{_PACKAGE}.model:Llama3Model",
    config=f"{_PACKAGE}.model_config:Llama3Config",
    config_fields=LLAMA_FIELDS,
    gguf=LLAMA_GGUF,
    weight_adapters=decoder_adapters(
        safetensors=f"{_PACKAGE}.weight_adapters:convert_safetensor_state_dict",
        gguf=f"{_PACKAGE}.weight_adapters:convert_gguf_state_dict",
    ),
    rope_type="normal",
)
