"""The Granite pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.granite.model_config import GraniteConfig
from max.pipelines.lib.decoder_model import DecoderModel


class GraniteModel(DecoderModel):
    """A Granite model; its configuration says all that it differs in."""

    model_config_cls: ClassVar[type[Any] | None] = GraniteConfig
