"""The StableLm pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.stablelm.model_config import StableLmConfig
from max.pipelines.architectures.stablelm.stablelm import StableLm
from max.pipelines.lib.decoder_model import DecoderModel


class StableLmModel(DecoderModel):
    """A StableLm model."""

    model_config_cls: ClassVar[type[Any] | None] = StableLmConfig
    decoder_cls: ClassVar[type[Any]] = StableLm
