"""The Cohere2 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.cohere.cohere import Cohere
from max.pipelines.architectures.cohere2.model_config import Cohere2Config
from max.pipelines.lib.decoder_model import DecoderModel


class Cohere2Model(DecoderModel):
    """A Cohere2 model."""

    model_config_cls: ClassVar[type[Any] | None] = Cohere2Config
    decoder_cls: ClassVar[type[Any]] = Cohere
