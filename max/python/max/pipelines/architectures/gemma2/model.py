"""The Gemma2 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.gemma2.gemma2 import Gemma2
from max.pipelines.architectures.gemma2.model_config import Gemma2Config
from max.pipelines.lib.decoder_model import DecoderModel


class Gemma2Model(DecoderModel):
    """A Gemma2 model."""

    model_config_cls: ClassVar[type[Any] | None] = Gemma2Config
    decoder_cls: ClassVar[type[Any]] = Gemma2
