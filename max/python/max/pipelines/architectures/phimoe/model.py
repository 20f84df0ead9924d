"""The PhiMoe pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.phimoe.model_config import PhiMoeConfig
from max.pipelines.architectures.phimoe.phimoe import PhiMoe
from max.pipelines.lib.decoder_model import DecoderModel


class PhiMoeModel(DecoderModel):
    """A PhiMoe model."""

    model_config_cls: ClassVar[type[Any] | None] = PhiMoeConfig
    decoder_cls: ClassVar[type[Any]] = PhiMoe
