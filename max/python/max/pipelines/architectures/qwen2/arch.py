"""Registration of the Qwen2 family."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.qwen2.checkpoint import QWEN2_FIELDS, QWEN2_GGUF
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.lib.utils import bounded_max_length
from max.pipelines.modeling.types import PipelineTask

_ADAPTERS = "max.pipelines.architectures.llama3.weight_adapters"

qwen2_arch = SupportedArchitecture(
    name="Qwen2ForCausalLM",
    task=PipelineTask.TEXT_GENERATION,
    example_repo_ids=["Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct"],
    default_encoding="bfloat16",
    supported_encodings=set(DECODER_ENCODINGS),
    pipeline_model="max.pipelines.architectures.qwen2.model:Qwen2Model",
    config="max.pipelines.architectures.qwen2.model_config:Qwen2Config",
    config_fields=QWEN2_FIELDS,
    gguf=QWEN2_GGUF,
    max_length=bounded_max_length,
    weight_adapters={
        WeightsFormat.safetensors: f"{_ADAPTERS}:convert_safetensor_state_dict",
        WeightsFormat.gguf: f"{_ADAPTERS}:convert_gguf_state_dict",
    },
    batching="max.pipelines.lib.interfaces:RaggedBatchProcessor",
    rope_type="neox",
)
