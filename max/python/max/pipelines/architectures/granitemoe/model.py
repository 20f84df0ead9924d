"""The GraniteMoe pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.granitemoe.granitemoe import GraniteMoe
from max.pipelines.architectures.granitemoe.model_config import GraniteMoeConfig
from max.pipelines.lib.decoder_model import DecoderModel


class GraniteMoeModel(DecoderModel):
    """A GraniteMoe model."""

    model_config_cls: ClassVar[type[Any] | None] = GraniteMoeConfig
    decoder_cls: ClassVar[type[Any]] = GraniteMoe
