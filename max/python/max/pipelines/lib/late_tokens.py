"""Tokens that a step reads and the step before it has yet to give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from max.driver import Buffer
from max.driver.buffer import moved
from max.pipelines.context import TextContext
from max.pipelines.lib.interfaces.batch_processor import RaggedModelInputs
from max.pipelines.lib.interfaces.model_io import ModelInputs
from max.pipelines.scheduling import LaunchedStep


class LateTokens(NamedTuple):
    """Where in a step's `tokens` which of the last step's are to be put, once that is launched."""

    tokens: Buffer
    rows: torch.Tensor
    indices: torch.Tensor
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
        device = model_inputs.tokens.tensor.device
        there, given = (
            moved(torch.tensor(each, dtype=torch.int64), device) for each in (rows, indices)
        )
        return cls(model_inputs.tokens, there, given, after)

    def fill(self) -> None:
        """Puts them there; called when the step before was started.

        On an accelerator they go from where they were chosen to where they are read, and the host
        waits for nothing.
        """
        late = self.after.given().index_select(0, self.indices)
        self.tokens.tensor.index_copy_(0, self.rows, late)
