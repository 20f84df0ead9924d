"""The SmolLM3 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.smollm3.model_config import SmolLM3Config
from max.pipelines.lib.decoder_model import DecoderModel


class SmolLM3Model(DecoderModel):
    """A SmolLM3 model."""

    model_config_cls: ClassVar[type[Any] | None] = SmolLM3Config
