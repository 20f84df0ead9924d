"""How often tokens occurred in requests, counted on the device that has the logits.

So a token counts before the host knows it. What is to be counted is said in one thread, in which
steps are prepared, and counted in another, in which they run, in the same order.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from max.driver.buffer import moved
from max.kernels.penalize_logits.reference import IN_PROMPT
from max.pipelines.context import TextContext
from max.pipelines.modeling.request_id import RequestID
from max.pipelines.sampling.cells import Cells

_FEWEST_LINES = 8


@dataclass
class _Place:
    """A request's line: its number, and how many of the request's tokens count there."""

    line: int
    counted: int = 0


class Counting(NamedTuple):
    """What is to be counted before a step's logits are changed.

    Attributes:
        lines: of the requests, int64 [requests].
        cleared: the lines of requests that are new.
        known: tokens that the host knows.
        late_lines: the lines of tokens that it does not know yet.
        late_indices: which of the last step's tokens these are.
    """

    lines: list[int]
    cleared: list[int]
    known: Cells
    late_lines: list[int]
    late_indices: list[int]


class TokenCounts:
    """A line of counts, see `penalize_logits`, for each request that has penalties.

    A request keeps its line until it is gone: tokens stay when its pages are taken.
    """

    def __init__(self) -> None:
        self._counts: torch.Tensor | None = None
        self._free: list[int] = []
        self._num_lines = 0

    def prepare(self, contexts: Sequence[TextContext], late: Mapping[RequestID, int]) -> Counting:
        """What is new in some requests since they were prepared last.

        Args:
            contexts: the requests.
            late: which of the last step's tokens belongs to which, where it is pending.
        """
        found = Counting([], [], Cells(), [], [])
        for context in contexts:
            place, tokens = self._place_of(context), context.tokens
            found.lines.append(place.line)
            if not place.counted:
                found.cleared.append(place.line)
                found.known.add(context, place.line, np.unique(tokens.prompt), IN_PROMPT)
                place.counted = tokens.prompt_length
            if len(new := tokens.all[place.counted : tokens.known_length]):
                found.known.add(context, place.line, new.copy(), 1)
            if tokens.num_pending:
                found.late_lines.append(place.line)
                found.late_indices.append(late[context.request_id])
            place.counted = len(tokens)
        return found

    def count(
        self, counting: Counting, logits: torch.Tensor, late: torch.Tensor | None
    ) -> torch.Tensor:
        """Counts what was prepared.

        Args:
            counting: from `prepare`; each once, in their order.
            logits: [rows, vocab_size], where the counts are to be.
            late: int64, the last step's tokens.

        Returns:
            int32 [lines, vocab_size].

        Raises:
            ValueError: if a request has a token that the model does not have.
        """
        counts = self._grown(max(counting.lines) + 1, logits)
        flat, device = counts.view(-1), logits.device
        if counting.cleared:
            counts.index_fill_(0, moved(torch.tensor(counting.cleared), device), 0)
        if counting.known:
            flat.index_add_(0, *counting.known.on(counts))
        if counting.late_lines and late is not None:
            starts = torch.tensor(counting.late_lines) * counts.shape[1]
            tokens = late.index_select(0, moved(torch.tensor(counting.late_indices), device))
            ones = torch.ones_like(tokens, dtype=torch.int32)
            flat.index_add_(0, moved(starts, device) + tokens, ones)
        return counts

    def _place_of(self, context: TextContext) -> _Place:
        if not isinstance(context.token_counts, _Place):
            if not self._free:
                self._free.append(self._num_lines)
                self._num_lines += 1
            context.token_counts = _Place(self._free.pop())
            weakref.finalize(context.token_counts, self._free.append, context.token_counts.line)
        return context.token_counts

    def _grown(self, lines: int, logits: torch.Tensor) -> torch.Tensor:
        held = self._counts
        if held is None or len(held) < lines:
            lines = max(2 * lines, _FEWEST_LINES)
            self._counts = logits.new_zeros((lines, logits.shape[1]), dtype=torch.int32)
            if held is not None:
                self._counts[: len(held)] = held
        assert self._counts is not None
        return self._counts
