"""The ModernBERT pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.modernbert.model_config import ModernBertConfig
from max.pipelines.architectures.modernbert.modernbert import ModernBert
from max.pipelines.lib.embed.encoder import EncoderModel


class ModernBertModel(EncoderModel):
    """A ModernBERT model."""

    model_config_cls: ClassVar[type[Any] | None] = ModernBertConfig
    decoder_cls: ClassVar[type[Any]] = ModernBert
