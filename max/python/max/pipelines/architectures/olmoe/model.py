"""The Olmoe pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.olmoe.model_config import OlmoeConfig
from max.pipelines.architectures.olmoe.olmoe import Olmoe
from max.pipelines.lib.decoder_model import DecoderModel


class OlmoeModel(DecoderModel):
    """A Olmoe model."""

    model_config_cls: ClassVar[type[Any] | None] = OlmoeConfig
    decoder_cls: ClassVar[type[Any]] = Olmoe
