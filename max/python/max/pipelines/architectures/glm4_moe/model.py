"""The Glm4Moe pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.glm4_moe.glm4_moe import Glm4Moe
from max.pipelines.architectures.glm4_moe.model_config import Glm4MoeConfig
from max.pipelines.lib.decoder_model import DecoderModel
from max.pipelines.lib.expert_layers import PRECISE_ROUTERS


class Glm4MoeModel(DecoderModel):
    """A Glm4Moe model."""

    model_config_cls: ClassVar[type[Any] | None] = Glm4MoeConfig
    decoder_cls: ClassVar[type[Any]] = Glm4Moe
    precise_weights: ClassVar[tuple[str, ...]] = PRECISE_ROUTERS
