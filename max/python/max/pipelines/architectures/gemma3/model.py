"""The Gemma3 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.gemma3.gemma3 import Gemma3
from max.pipelines.architectures.gemma3.model_config import Gemma3Config
from max.pipelines.lib.decoder_model import DecoderModel


class Gemma3Model(DecoderModel):
    """A Gemma3 model."""

    model_config_cls: ClassVar[type[Any] | None] = Gemma3Config
    decoder_cls: ClassVar[type[Any]] = Gemma3
