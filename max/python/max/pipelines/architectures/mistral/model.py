"""The Mistral pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.mistral.model_config import MistralConfig
from max.pipelines.lib.decoder_model import DecoderModel


class MistralModel(DecoderModel):
    """A Mistral model."""

    model_config_cls: ClassVar[type[Any] | None] = MistralConfig
