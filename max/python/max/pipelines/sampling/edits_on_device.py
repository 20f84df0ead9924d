"""Changes to logits on the device that has them: those of `penalties`, for a whole batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from max import kernels
from max.driver.buffer import moved
from max.pipelines.context import TextContext
from max.pipelines.modeling.request_id import RequestID
from max.pipelines.sampling.cells import Cells
from max.pipelines.sampling.penalties import forbidden_next, penalizes
from max.pipelines.sampling.token_counts import Counting, TokenCounts


class LogitEdits(NamedTuple):
    """What is changed, in this order, prepared before the last step's tokens are known.

    Attributes:
        bias: what is added.
        penalized: the rows that have penalties.
        settings: of these rows: repetition, frequency and presence penalty.
        counting: what penalties are to count first.
        forbidden: the tokens that may not come.
    """

    bias: Cells
    penalized: list[int]
    settings: list[torch.Tensor]
    counting: Counting
    forbidden: Cells

    @classmethod
    def of(
        cls,
        contexts: Sequence[TextContext],
        rows: Sequence[int],
        counts: TokenCounts,
        late: Mapping[RequestID, int],
    ) -> LogitEdits:
        """Those of some rows of a batch, before its step.

        Args:
            contexts: the batch.
            rows: whose logits are changed.
            counts: of the device.
            late: see `TokenCounts.prepare`.
        """
        bias, forbidden = Cells(), Cells()
        for row in rows:
            context = contexts[row]
            if given := context.sampling_params.logit_bias:
                tokens = np.fromiter(given, np.int64)
                bias.add(context, row, tokens, np.fromiter(given.values(), np.float32))
            if never := forbidden_next(context):
                forbidden.add(context, row, np.fromiter(never, np.int64), -np.inf)
        penalized = [row for row in rows if penalizes(contexts[row])]
        params = [contexts[row].sampling_params for row in penalized]
        settings = [
            torch.tensor([p.repetition_penalty for p in params], dtype=torch.float32),
            torch.tensor([p.frequency_penalty for p in params], dtype=torch.float64),
            torch.tensor([p.presence_penalty for p in params], dtype=torch.float64),
        ]
        counting = counts.prepare([contexts[row] for row in penalized], late)
        return cls(bias, penalized, settings, counting, forbidden)

    def apply(
        self, logits: torch.Tensor, counts: TokenCounts, late: torch.Tensor | None
    ) -> torch.Tensor:
        """The changed logits, float32 [rows, vocab_size]; the host waits for nothing.

        Args:
            logits: of the batch, of a floating dtype; not changed.
            counts: what `of` was given.
            late: the tokens of the step before, int64.

        Raises:
            ValueError: if a request names a token that the model does not have.
        """
        device = logits.device
        edited = logits.to(torch.float32, copy=True).contiguous()
        if self.bias:
            edited.view(-1).index_add_(0, *self.bias.on(edited))
        if self.penalized:
            kernels.penalize_logits(
                edited,
                moved(torch.tensor(self.penalized), device),
                counts.count(self.counting, edited, late),
                moved(torch.tensor(self.counting.lines), device),
                *(moved(each, device) for each in self.settings),
            )
        if self.forbidden:
            edited.view(-1).index_copy_(0, *self.forbidden.on(edited))
        return edited
