"""The Exaone4 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.exaone4.exaone4 import Exaone4
from max.pipelines.architectures.exaone4.model_config import Exaone4Config
from max.pipelines.lib.decoder_model import DecoderModel


class Exaone4Model(DecoderModel):
    """An Exaone4 model."""

    model_config_cls: ClassVar[type[Any] | None] = Exaone4Config
    decoder_cls: ClassVar[type[Any]] = Exaone4
