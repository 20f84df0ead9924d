"""The Llama4 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.llama4.llama4 import Llama4
from max.pipelines.architectures.llama4.model_config import Llama4Config
from max.pipelines.lib.decoder_model import DecoderModel


class Llama4Model(DecoderModel):
    """A Llama4 model."""

    model_config_cls: ClassVar[type[Any] | None] = Llama4Config
    decoder_cls: ClassVar[type[Any]] = Llama4
