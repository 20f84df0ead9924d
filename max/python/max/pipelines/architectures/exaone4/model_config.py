"""What an EXAONE 4 model is."""

from __future__ import annotations

from typing import ClassVar

from max.pipelines.architectures.exaone4.checkpoint import EXAONE4_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig, LayerKind


class Exaone4Config(DecoderConfig):
    """A decoder's configuration; beside windowed layers, full ones have no angles."""

    config_fields: ClassVar[ConfigFields | None] = EXAONE4_FIELDS
    drops_old_pages: ClassVar[bool] = True

    def layer_kind(self, index: int) -> LayerKind:
        """See `DecoderConfig.layer_kind`."""
        rope, mask = super().layer_kind(index)
        return LayerKind(rope if mask.window or not self.sliding_window else None, mask)
