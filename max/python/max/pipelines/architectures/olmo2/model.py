"""The Olmo2 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.olmo2.model_config import Olmo2Config
from max.pipelines.architectures.olmo2.olmo2 import Olmo2
from max.pipelines.lib.decoder_model import DecoderModel


class Olmo2Model(DecoderModel):
    """An Olmo2 model."""

    model_config_cls: ClassVar[type[Any] | None] = Olmo2Config
    decoder_cls: ClassVar[type[Any]] = Olmo2
