"""The MiniCPM pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.minicpm.model_config import MiniCPMConfig
from max.pipelines.lib.decoder_model import DecoderModel


class MiniCPMModel(DecoderModel):
    """A MiniCPM model."""

    model_config_cls: ClassVar[type[Any] | None] = MiniCPMConfig
