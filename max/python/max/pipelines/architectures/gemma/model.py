"""The Gemma pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.gemma.gemma import Gemma
from max.pipelines.architectures.gemma.model_config import GemmaConfig
from max.pipelines.lib.decoder_model import DecoderModel


class GemmaModel(DecoderModel):
    """A Gemma model."""

    model_config_cls: ClassVar[type[Any] | None] = GemmaConfig
    decoder_cls: ClassVar[type[Any]] = Gemma
