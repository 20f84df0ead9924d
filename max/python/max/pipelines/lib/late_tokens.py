"""Tokens that a step reads and the step before it has yet to give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from max.driver import Buffer
from max.pipelines.context import TextContext
from max.pipelines.lib.interfaces.batch_processor import RaggedModelInputs
from max.pipelines.lib.interfaces.model_io import ModelInputs
from max.pipelines.scheduling import LaunchedStep


class LateTokens(NamedTuple):
    """Where in a step's `tokens` which of the last step's are to be put, when that is done."""

    tokens: Buffer
    rows: Sequence[int]
    indices: Sequence[int]
    after: LaunchedStep

    @classmethod
    def of(
        cls, batch: Sequence[TextContext], model_inputs: ModelInputs, after: LaunchedStep
    ) -> LateTokens | None:
        """Those of a batch, before it is launched; None if it has none.

        Raises:
            ValueError: if the model's inputs are not `RaggedModelInputs`.
        """
        if not any(ctx.tokens.num_pending for ctx in batch):
            return None
        if not isinstance(model_inputs, RaggedModelInputs):
            raise ValueError("a request's last token is pending: collect the step that gives it")
        rows, indices, end = [], [], 0
        for ctx in batch:
            end += ctx.tokens.active_length
            if ctx.tokens.num_pending and ctx.tokens.is_complete_after_step:
                rows.append(end - 1)
                indices.append(after.sampled[ctx.request_id])
        return cls(model_inputs.tokens, rows, indices, after)

    def fill(self) -> None:
        """Puts them there; called when the step before has run."""
        given = self.after.result().tokens
        late = torch.tensor([given[index] for index in self.indices])
        self.tokens.tensor[list(self.rows)] = late.to(self.tokens.tensor.device)
