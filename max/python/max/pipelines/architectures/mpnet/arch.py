"""Registration of MPNet."""

from functools import partial

from max.graph.weights.format import WeightsFormat
from max.pipelines.architectures.mpnet.checkpoint import FIRST_POSITION, MPNET_FIELDS
from max.pipelines.lib.embed.encoder_architecture import encoder_architecture
from max.pipelines.lib.embed.sentence_settings import encoder_max_length
from max.pipelines.lib.supported_architecture import SupportedArchitecture

_PACKAGE = "max.pipelines.architectures.mpnet"


def _registered_as(name: str) -> SupportedArchitecture:
    return encoder_architecture(
        name=name,
        example_repo_ids=["sentence-transformers/all-mpnet-base-v2"],
        pipeline_model=f"{_PACKAGE}.model:MPNetModel",
        config=f"{_PACKAGE}.model_config:MPNetConfig",
        config_fields=MPNET_FIELDS,
        max_length=partial(encoder_max_length, first_position=FIRST_POSITION),
        weight_adapters={
            WeightsFormat.safetensors: f"{_PACKAGE}.weight_adapters:convert_safetensor_state_dict"
        },
    )


mpnet_arch = _registered_as("MPNetModel")
# all-mpnet-base-v2 has this name; its vectors are the encoder's rows all the same.
mpnet_masked_arch = _registered_as("MPNetForMaskedLM")
