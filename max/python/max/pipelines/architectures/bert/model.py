"""The BERT pipeline model."""

from __future__ import annotations

from typing import Any, ClassVar

from max.pipelines.architectures.bert.bert import Bert
from max.pipelines.architectures.bert.model_config import BertConfig
from max.pipelines.lib.embed.encoder import EncoderModel


class BertModel(EncoderModel):
    """A BERT model."""

    model_config_cls: ClassVar[type[Any] | None] = BertConfig
    decoder_cls: ClassVar[type[Any]] = Bert
