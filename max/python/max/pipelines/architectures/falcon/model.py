"""The Falcon pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.falcon.falcon import Falcon
from max.pipelines.architectures.falcon.model_config import FalconConfig
from max.pipelines.lib.decoder_model import DecoderModel


class FalconModel(DecoderModel):
    """A Falcon model."""

    model_config_cls: ClassVar[type[Any] | None] = FalconConfig
    decoder_cls: ClassVar[type[Any]] = Falcon
