"""The Mixtral pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.mixtral.mixtral import Mixtral
from max.pipelines.architectures.mixtral.model_config import MixtralConfig
from max.pipelines.lib.decoder_model import DecoderModel


class MixtralModel(DecoderModel):
    """A Mixtral model."""

    model_config_cls: ClassVar[type[Any] | None] = MixtralConfig
    decoder_cls: ClassVar[type[Any]] = Mixtral
