"""The Phi pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.phi.model_config import PhiConfig
from max.pipelines.architectures.phi.phi import Phi
from max.pipelines.lib.decoder_model import DecoderModel


class PhiModel(DecoderModel):
    """A Phi model."""

    model_config_cls: ClassVar[type[Any] | None] = PhiConfig
    decoder_cls: ClassVar[type[Any]] = Phi
