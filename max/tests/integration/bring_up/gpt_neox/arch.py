"""Registration of GPT-NeoX. Classes are named, so that nothing heavy is imported with it."""

from max.graph.weights.format import WeightsFormat
from max.pipelines.lib.supported_architecture import SupportedArchitecture
from max.pipelines.modeling.types import PipelineTask

gpt_neox_arch = SupportedArchitecture(
    name="GPTNeoXForCausalLM",
    task=PipelineTask.TEXT_GENERATION,
    example_repo_ids=["EleutherAI/pythia-160m", "EleutherAI/gpt-neox-20b"],
    default_encoding="bfloat16",
    supported_encodings={"bfloat16", "float32"},
    pipeline_model=f"{__package__}.model:GptNeoXModel",
    config=f"{__package__}.model_config:GptNeoXConfig",
    weight_adapters={
        WeightsFormat.safetensors: f"{__package__}.weight_adapters:convert_checkpoint"
    },
    batching="max.pipelines.lib.interfaces:RaggedBatchProcessor",
)
