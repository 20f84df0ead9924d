"""Registration of the Qwen3 family."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.qwen3.checkpoint import QWEN3_FIELDS, QWEN3_GGUF
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.lib.utils import bounded_max_length
from max.pipelines.modeling.types import PipelineTask

qwen3_arch = SupportedArchitecture(
    name="Qwen3ForCausalLM",
    task=PipelineTask.TEXT_GENERATION,
    example_repo_ids=["Qwen/Qwen3-0.6B", "Qwen/Qwen3-8B"],
    default_encoding="bfloat16",
    supported_encodings=set(DECODER_ENCODINGS),
    pipeline_model="max.pipelines.architectures.qwen3.model:Qwen3Model",
    config="max.pipelines.architectures.qwen3.model_config:Qwen3Config",
    config_fields=QWEN3_FIELDS,
    gguf=QWEN3_GGUF,
    max_length=bounded_max_length,
    weight_adapters={
        WeightsFormat.safetensors: (
            "max.pipelines.architectures.llama3.weight_adapters:convert_safetensor_state_dict"
        ),
        WeightsFormat.gguf: (
            "max.pipelines.architectures.qwen3.weight_adapters:convert_gguf_state_dict"
        ),
    },
    batching="max.pipelines.lib.interfaces:RaggedBatchProcessor",
    rope_type="neox",
)
