"""The Apertus pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.qwen3.model import Qwen3Model

from .apertus import Apertus
from .model_config import ApertusConfig


class ApertusModel(Qwen3Model):
    """Qwen3Model with the decoder of Apertus."""

    model_config_cls: ClassVar[type[Any] | None] = ApertusConfig
    decoder_cls: ClassVar[type[Any]] = Apertus
