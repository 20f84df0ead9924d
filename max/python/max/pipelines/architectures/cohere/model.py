"""The Cohere pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.cohere.cohere import Cohere
from max.pipelines.architectures.cohere.model_config import CohereConfig
from max.pipelines.lib.decoder_model import DecoderModel


class CohereModel(DecoderModel):
    """A Cohere model."""

    model_config_cls: ClassVar[type[Any] | None] = CohereConfig
    decoder_cls: ClassVar[type[Any]] = Cohere
