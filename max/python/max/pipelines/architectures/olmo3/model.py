"""The Olmo3 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.olmo2.olmo2 import Olmo2
from max.pipelines.architectures.olmo3.model_config import Olmo3Config
from max.pipelines.lib.decoder_model import DecoderModel


class Olmo3Model(DecoderModel):
    """An Olmo3 model."""

    model_config_cls: ClassVar[type[Any] | None] = Olmo3Config
    decoder_cls: ClassVar[type[Any]] = Olmo2
