"""What an MPNet model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.mpnet.checkpoint import FIRST_POSITION, MPNET_FIELDS, PADDING
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.embed.encoder_config import EncoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class MPNetConfig(EncoderConfig):
    """An encoder's configuration and its table.

    Args:
        num_positions: rows of the table of positions.
    """

    config_fields: ClassVar[ConfigFields | None] = MPNET_FIELDS
    first_position: ClassVar[int] = FIRST_POSITION
    uncounted_token: ClassVar[int | None] = PADDING

    num_positions: int

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `EncoderConfig.fields`."""
        hf = huggingface_config
        return {**super().fields(hf), "num_positions": hf.max_position_embeddings}
