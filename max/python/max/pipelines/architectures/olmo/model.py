"""The Olmo pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.olmo.model_config import OlmoConfig
from max.pipelines.architectures.olmo.olmo import Olmo
from max.pipelines.lib.decoder_model import DecoderModel


class OlmoModel(DecoderModel):
    """An Olmo model."""

    model_config_cls: ClassVar[type[Any] | None] = OlmoConfig
    decoder_cls: ClassVar[type[Any]] = Olmo
