"""Registration of Apertus. Classes are named, so that nothing heavy is imported with it."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.lib.supported_architecture import SupportedArchitecture
from max.pipelines.modeling.types import PipelineTask

apertus_arch = SupportedArchitecture(
    name="ApertusForCausalLM",
    task=PipelineTask.TEXT_GENERATION,
    example_repo_ids=["swiss-ai/Apertus-8B-Instruct-2509"],
    default_encoding="bfloat16",
    supported_encodings={"bfloat16", "float32"},
    pipeline_model=f"{__package__}.model:ApertusModel",
    config=f"{__package__}.model_config:ApertusConfig",
    weight_adapters={
        WeightsFormat.safetensors: f"{__package__}.weight_adapters:convert_checkpoint"
    },
    batching="max.pipelines.lib.interfaces:RaggedBatchProcessor",
)
