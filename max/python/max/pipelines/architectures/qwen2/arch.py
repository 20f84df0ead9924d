"""Registration of the Qwen2 family."""

from max.graph.weights import WeightsFormat
from max.pipelines.architectures.llama3.weight_adapters import (
    convert_gguf_state_dict,
    convert_safetensor_state_dict,
)
from max.pipelines.architectures.qwen2.model import Qwen2Model
from max.pipelines.architectures.qwen2.model_config import Qwen2Config
from max.pipelines.context import TextContext
from max.pipelines.lib import RaggedBatchProcessor, SupportedArchitecture, TextTokenizer
from max.pipelines.modeling.types import PipelineTask

qwen2_arch = SupportedArchitecture(
    name="Qwen2ForCausalLM",
    task=PipelineTask.TEXT_GENERATION,
    example_repo_ids=["Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct"],
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
    pipeline_model=Qwen2Model,
    config=Qwen2Config,
    tokenizer=TextTokenizer,
    context_type=TextContext,
    default_weights_format=WeightsFormat.safetensors,
    weight_adapters={
        WeightsFormat.safetensors: convert_safetensor_state_dict,
        WeightsFormat.gguf: convert_gguf_state_dict,
    },
    batching=RaggedBatchProcessor,
    rope_type="neox",
)
