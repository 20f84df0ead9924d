"""The InternLM2 pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.internlm2.model_config import InternLM2Config
from max.pipelines.lib.decoder_model import DecoderModel


class InternLM2Model(DecoderModel):
    """An InternLM2 model."""

    model_config_cls: ClassVar[type[Any] | None] = InternLM2Config
