"""The description of an encoder made of `EncoderModel` and `EncoderConfig`."""

from __future__ import annotations

from typing import Any

from max.pipelines.lib.embed.sentence_settings import ENCODER_ARGUMENTS, encoder_max_length
from max.pipelines.lib.supported_architecture import DECODER_ENCODINGS, SupportedArchitecture
from max.pipelines.modeling.types import PipelineTask


def encoder_architecture(**settings: Any) -> SupportedArchitecture:
    """Its `SupportedArchitecture`.

    Args:
        settings: of that; those that are alike for most encoders may be left out.
    """
    usual: dict[str, Any] = {
        "task": PipelineTask.EMBEDDINGS_GENERATION,
        "default_encoding": "float32",
        "supported_encodings": set(DECODER_ENCODINGS),
        "tokenizer": "max.pipelines.lib.embed.tokenizer:SentenceTokenizer",
        "max_length": encoder_max_length,
        "batching": "max.pipelines.lib.embed.batching:EncoderBatchProcessor",
        "required_arguments": ENCODER_ARGUMENTS,
    }
    return SupportedArchitecture(**{**usual, **settings})
