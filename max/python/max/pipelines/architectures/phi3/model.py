"""The Phi3 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.phi3.model_config import Phi3Config
from max.pipelines.lib.decoder_model import DecoderModel


class Phi3Model(DecoderModel):
    """A Phi3 model."""

    model_config_cls: ClassVar[type[Any] | None] = Phi3Config
