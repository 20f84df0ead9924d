"""Batch processors of models that give a vector for each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from max.driver import Buffer
from max.pipelines.context import TextContext
from max.pipelines.lib.interfaces import (
    ModelOutputs,
    PositionedBatchProcessor,
    RaggedBatchProcessor,
)


class EmbedderBatchProcessor(RaggedBatchProcessor):
    """Of decoders whose rows are vectors: `logits` are those of all rows."""

    def process_outputs(self, outputs: Sequence[Buffer]) -> ModelOutputs:
        """Names the only output."""
        (rows,) = outputs
        return ModelOutputs(logits=rows)


class EncoderBatchProcessor(EmbedderBatchProcessor, PositionedBatchProcessor):
    """Of encoders, which read whole texts and positions; `config` is an `EncoderConfig`."""

    def positions(self, ctx: TextContext) -> NDArray[np.int64]:
        """The place of each token of a text; before the first where one is not counted."""
        tokens, uncounted = ctx.tokens.active, self.config.uncounted_token
        places = np.arange(len(tokens))
        if uncounted is not None:
            is_counted = tokens != uncounted
            places = np.where(is_counted, is_counted.cumsum() - 1, -1)
        return places + int(self.config.first_position)
