"""What a Command R7B model is."""

from __future__ import annotations

from typing import ClassVar

from max.pipelines.architectures.cohere.model_config import CohereConfig
from max.pipelines.architectures.cohere2.checkpoint import COHERE2_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import LayerKind


class Cohere2Config(CohereConfig):
    """Command R's configuration; layers that see everything have no angles."""

    config_fields: ClassVar[ConfigFields | None] = COHERE2_FIELDS
    drops_old_pages: ClassVar[bool] = True

    def layer_kind(self, index: int) -> LayerKind:
        """See `DecoderConfig.layer_kind`."""
        rope, mask = super().layer_kind(index)
        return LayerKind(rope if mask.window else None, mask)
