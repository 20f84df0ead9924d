"""The Qwen2Moe pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.qwen2_moe.model_config import Qwen2MoeConfig
from max.pipelines.architectures.qwen2_moe.qwen2_moe import Qwen2Moe
from max.pipelines.lib.decoder_model import DecoderModel


class Qwen2MoeModel(DecoderModel):
    """A Qwen2Moe model."""

    model_config_cls: ClassVar[type[Any] | None] = Qwen2MoeConfig
    decoder_cls: ClassVar[type[Any]] = Qwen2Moe
