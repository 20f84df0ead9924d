"""Registration of the Llama family."""

from max.graph.weights import WeightsFormat
from max.pipelines.architectures.llama3.model import Llama3Model
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.architectures.llama3.weight_adapters import (
    convert_gguf_state_dict,
    convert_safetensor_state_dict,
)
from max.pipelines.context import TextContext
from max.pipelines.lib import RaggedBatchProcessor, SupportedArchitecture, TextTokenizer
from max.pipelines.modeling.types import PipelineTask

llama_arch = SupportedArchitecture(
    name="LlamaForCausalLM",
    task=PipelineTask.TEXT_GENERATION,
    example_repo_ids=[
        "meta-llama/Llama-3.1-8B-Instruct",
        "meta-llama/Llama-3.2-1B-Instruct",
        "HuggingFaceTB/SmolLM2-360M-Instruct",
    ],
    default_encoding="bfloat16",
    supported_encodings={
        "bfloat16",
        "float32",
        "q4_0",
        "q4_1",
        "q4_k",
        "q5_0",
        "q5_1",
        "q5_k",
        "q6_k",
        "q8_0",
    },
    pipeline_model=Llama3Model,
    config=Llama3Config,
    tokenizer=TextTokenizer,
    context_type=TextContext,
    default_weights_format=WeightsFormat.safetensors,
    weight_adapters={
        WeightsFormat.safetensors: convert_safetensor_state_dict,
        WeightsFormat.gguf: convert_gguf_state_dict,
    },
    batching=RaggedBatchProcessor,
    rope_type="normal",
)
