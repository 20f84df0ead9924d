"""The DeepseekV2 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.deepseek_v2.deepseek_v2 import DeepseekV2
from max.pipelines.architectures.deepseek_v2.model_config import DeepseekV2Config
from max.pipelines.lib.decoder_model import DecoderModel
from max.pipelines.lib.expert_layers import PRECISE_ROUTERS


class DeepseekV2Model(DecoderModel):
    """A DeepseekV2 model."""

    model_config_cls: ClassVar[type[Any] | None] = DeepseekV2Config
    decoder_cls: ClassVar[type[Any]] = DeepseekV2
    precise_weights: ClassVar[tuple[str, ...]] = PRECISE_ROUTERS
