"""The Qwen3 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.qwen3.model_config import Qwen3Config
from max.pipelines.architectures.qwen3.qwen3 import Qwen3
from max.pipelines.lib.decoder_model import DecoderModel


class Qwen3Model(DecoderModel):
    """A Qwen3 model."""

    model_config_cls: ClassVar[type[Any] | None] = Qwen3Config
    decoder_cls: ClassVar[type[Any]] = Qwen3
