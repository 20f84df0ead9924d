"""What a BERT model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.bert.checkpoint import BERT_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.embed.encoder_config import EncoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class BertConfig(EncoderConfig):
    """An encoder's configuration and its tables.

    Args:
        num_positions: rows of the table of positions.
        num_types: rows of the table of kinds of text.
    """

    config_fields: ClassVar[ConfigFields | None] = BERT_FIELDS

    num_positions: int
    num_types: int

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `EncoderConfig.fields`."""
        hf = huggingface_config
        sizes = {"num_positions": hf.max_position_embeddings, "num_types": hf.type_vocab_size}
        return {**super().fields(hf), **sizes}
