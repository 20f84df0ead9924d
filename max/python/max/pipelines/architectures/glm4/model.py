"""The Glm4 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.glm4.glm4 import Glm4
from max.pipelines.architectures.glm4.model_config import Glm4Config
from max.pipelines.lib.decoder_model import DecoderModel


class Glm4Model(DecoderModel):
    """A Glm4 model."""

    model_config_cls: ClassVar[type[Any] | None] = Glm4Config
    decoder_cls: ClassVar[type[Any]] = Glm4
