"""Registration of the Ministral3 family."""

from max.pipelines.architectures.ministral3.checkpoint import MINISTRAL3_FIELDS, MINISTRAL3_GGUF
from max.pipelines.lib.supported_architecture import decoder_architecture

_PACKAGE = "max.pipelines.architectures.ministral3"

ministral3_arch = decoder_architecture(
    name="Ministral3ForCausalLM",
    example_repo_ids=["mistralai/Ministral-3-8B-Instruct-2512"],
    pipeline_model=f"{_PACKAGE}.model:Ministral3Model",
    config=f"{_PACKAGE}.model_config:Ministral3Config",
    config_fields=MINISTRAL3_FIELDS,
    gguf=MINISTRAL3_GGUF,
    batching="max.pipelines.lib.interfaces:PositionedBatchProcessor",
    rope_type="normal",
)
