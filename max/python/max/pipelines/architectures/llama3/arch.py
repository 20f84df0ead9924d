"""Registration of the Llama family."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.llama3.checkpoint import LLAMA_FIELDS, LLAMA_GGUF
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.lib.utils import bounded_max_length
from max.pipelines.modeling.types import PipelineTask

_ADAPTERS = "max.pipelines.architectures.llama3.weight_adapters"

llama_arch = SupportedArchitecture(
    name="LlamaForCausalLM",
    task=PipelineTask.TEXT_GENERATION,
    example_repo_ids=[
        "meta-llama/Llama-3.1-8B-Instruct",
        "meta-llama/Llama-3.2-1B-Instruct",
        "HuggingFaceTB/SmolLM2-360M-Instruct",
    ],
    default_encoding="bfloat16",
    supported_encodings=set(DECODER_ENCODINGS),
    pipeline_model="max.pipelines.architectures.llama3.model:Llama3Model",
    config="max.pipelines.architectures.llama3.model_config:Llama3Config",
    config_fields=LLAMA_FIELDS,
    gguf=LLAMA_GGUF,
    max_length=bounded_max_length,
    weight_adapters={
        WeightsFormat.safetensors: f"{_ADAPTERS}:convert_safetensor_state_dict",
        WeightsFormat.gguf: f"{_ADAPTERS}:convert_gguf_state_dict",
    },
    batching="max.pipelines.lib.interfaces:RaggedBatchProcessor",
    rope_type="normal",
)
