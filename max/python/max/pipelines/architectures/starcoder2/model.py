"""The Starcoder2 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.starcoder2.model_config import Starcoder2Config
from max.pipelines.architectures.starcoder2.starcoder2 import Starcoder2
from max.pipelines.lib.decoder_model import DecoderModel


class Starcoder2Model(DecoderModel):
    """A Starcoder2 model."""

    model_config_cls: ClassVar[type[Any] | None] = Starcoder2Config
    decoder_cls: ClassVar[type[Any]] = Starcoder2
