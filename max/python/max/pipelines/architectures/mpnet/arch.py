"""Registration of MPNet."""

from functools import partial

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.mpnet.checkpoint import FIRST_POSITION, MPNET_FIELDS
from max.pipelines.lib.embed.sentence_settings import ENCODER_ARGUMENTS, encoder_max_length
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.modeling.types import PipelineTask

_FOLDER = "max.pipelines.architectures.mpnet"


def _registered_as(name: str) -> SupportedArchitecture:
    return SupportedArchitecture(
        name=name,
        task=PipelineTask.EMBEDDINGS_GENERATION,
        example_repo_ids=["sentence-transformers/all-mpnet-base-v2"],
        default_encoding="float32",
        supported_encodings=set(DECODER_ENCODINGS),
        tokenizer="max.pipelines.lib.embed.tokenizer:SentenceTokenizer",
        pipeline_model=f"{_FOLDER}.model:MPNetModel",
        config=f"{_FOLDER}.model_config:MPNetConfig",
        config_fields=MPNET_FIELDS,
        max_length=partial(encoder_max_length, first_position=FIRST_POSITION),
        weight_adapters={
            WeightsFormat.safetensors: f"{_FOLDER}.weight_adapters:convert_safetensor_state_dict"
        },
        batching="max.pipelines.lib.embed.batching:EncoderBatchProcessor",
        required_arguments=ENCODER_ARGUMENTS,
    )


mpnet_arch = _registered_as("MPNetModel")
# all-mpnet-base-v2 has this name; its vectors are the encoder's rows all the same.
mpnet_masked_arch = _registered_as("MPNetForMaskedLM")
