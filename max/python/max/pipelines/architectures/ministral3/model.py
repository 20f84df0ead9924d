"""The Ministral3 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.ministral3.ministral3 import Ministral3
from max.pipelines.architectures.ministral3.model_config import Ministral3Config
from max.pipelines.lib.decoder_model import DecoderModel


class Ministral3Model(DecoderModel):
    """A Ministral3 model."""

    model_config_cls: ClassVar[type[Any] | None] = Ministral3Config
    decoder_cls: ClassVar[type[Any]] = Ministral3
