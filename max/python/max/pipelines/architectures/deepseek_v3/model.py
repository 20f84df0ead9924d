"""The DeepseekV3 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.deepseek_v3.deepseek_v3 import DeepseekV3
from max.pipelines.architectures.deepseek_v3.model_config import DeepseekV3Config
from max.pipelines.lib.decoder_model import DecoderModel
from max.pipelines.lib.expert_layers import PRECISE_ROUTERS


class DeepseekV3Model(DecoderModel):
    """A DeepseekV3 model."""

    model_config_cls: ClassVar[type[Any] | None] = DeepseekV3Config
    decoder_cls: ClassVar[type[Any]] = DeepseekV3
    precise_weights: ClassVar[tuple[str, ...]] = PRECISE_ROUTERS
