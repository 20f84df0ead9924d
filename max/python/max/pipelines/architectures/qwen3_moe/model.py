"""The Qwen3Moe pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.qwen3_moe.model_config import Qwen3MoeConfig
from max.pipelines.architectures.qwen3_moe.qwen3_moe import Qwen3Moe
from max.pipelines.lib.decoder_model import DecoderModel


class Qwen3MoeModel(DecoderModel):
    """A Qwen3Moe model."""

    model_config_cls: ClassVar[type[Any] | None] = Qwen3MoeConfig
    decoder_cls: ClassVar[type[Any]] = Qwen3Moe
