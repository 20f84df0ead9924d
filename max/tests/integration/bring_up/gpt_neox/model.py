"""The GPT-NeoX pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.lib.decoder_model import DecoderModel

from .gpt_neox import GptNeoX
from .model_config import GptNeoXConfig


class GptNeoXModel(DecoderModel):
    """A GPT-NeoX model."""

    model_config_cls: ClassVar[type[Any] | None] = GptNeoXConfig
    decoder_cls: ClassVar[type[Any]] = GptNeoX
