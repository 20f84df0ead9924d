"""The MPNet pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.mpnet.model_config import MPNetConfig
from max.pipelines.architectures.mpnet.mpnet import MPNet
from max.pipelines.lib.embed.encoder import EncoderModel


class MPNetModel(EncoderModel):
    """An MPNet model."""

    model_config_cls: ClassVar[type[Any] | None] = MPNetConfig
    decoder_cls: ClassVar[type[Any]] = MPNet
    precise_weights: ClassVar[tuple[str, ...]] = ("distance_bias",)
