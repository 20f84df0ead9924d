"""What a SmolLM3 model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.smollm3.checkpoint import SMOLLM3_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import FULL, DecoderConfig, LayerKind

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class SmolLM3Config(DecoderConfig):
    """A decoder's configuration.

    Args:
        has_rope: whether the queries and keys of each layer are turned.
    """

    config_fields: ClassVar[ConfigFields | None] = SMOLLM3_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True
    drops_old_pages: ClassVar[bool] = True

    has_rope: Sequence[bool] = ()

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        return {"has_rope": [bool(has_rope) for has_rope in huggingface_config.no_rope_layers]}

    @staticmethod
    def get_layer_types(huggingface_config: PretrainedConfig) -> Sequence[str]:
        """`layer_types`, unless windows are switched off."""
        hf = huggingface_config
        return tuple(hf.layer_types) if hf.use_sliding_window else (FULL,) * hf.num_hidden_layers

    def layer_kind(self, index: int) -> LayerKind:
        """See `DecoderConfig.layer_kind`."""
        rope, mask = super().layer_kind(index)
        return LayerKind(rope if self.has_rope[index] else None, mask)
