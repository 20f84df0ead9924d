"""Registration of the Granite family."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.granite.checkpoint import GRANITE_FIELDS, GRANITE_GGUF
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.lib.utils import bounded_max_length
from max.pipelines.modeling.types import PipelineTask

_ADAPTERS = "max.pipelines.architectures.llama3.weight_adapters"

granite_arch = SupportedArchitecture(
    name="GraniteForCausalLM",
    task=PipelineTask.TEXT_GENERATION,
    example_repo_ids=["ibm-granite/granite-3.3-2b-instruct", "ibm-granite/granite-3.3-8b-instruct"],
    default_encoding="bfloat16",
    supported_encodings=set(DECODER_ENCODINGS),
    pipeline_model="max.pipelines.architectures.granite.model:GraniteModel",
    config="max.pipelines.architectures.granite.model_config:GraniteConfig",
    config_fields=GRANITE_FIELDS,
    gguf=GRANITE_GGUF,
    max_length=bounded_max_length,
    weight_adapters={
        WeightsFormat.safetensors: f"{_ADAPTERS}:convert_safetensor_state_dict",
        WeightsFormat.gguf: f"{_ADAPTERS}:convert_gguf_state_dict",
    },
    batching="max.pipelines.lib.interfaces:RaggedBatchProcessor",
    rope_type="normal",
)
