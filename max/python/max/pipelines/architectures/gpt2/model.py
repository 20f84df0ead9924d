"""The GPT2 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.gpt2.gpt2 import GPT2
from max.pipelines.architectures.gpt2.model_config import GPT2Config
from max.pipelines.lib.decoder_model import DecoderModel


class GPT2Model(DecoderModel):
    """A GPT2 model."""

    model_config_cls: ClassVar[type[Any] | None] = GPT2Config
    decoder_cls: ClassVar[type[Any]] = GPT2
