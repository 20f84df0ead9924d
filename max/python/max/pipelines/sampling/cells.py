"""Places in matrices over the vocabulary, gathered on the host for a device."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from max.driver.buffer import moved
from max.pipelines.context import TextContext


class _Run(NamedTuple):
    context: TextContext
    row: int
    tokens: NDArray[np.int64]
    values: NDArray[np.float32] | float


class Cells:
    """Tokens in rows of a matrix, and a value for each; false while there are none."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._runs)

    def add(
        self,
        context: TextContext,
        row: int,
        tokens: NDArray[np.int64],
        values: NDArray[np.float32] | float,
    ) -> None:
        """Adds tokens of a row, with a value each or the same for all.

        Args:
            context: whose they are.
            row: of the matrix.
            tokens: int64 [n].
            values: [n], or one.
        """
        self._runs.append(_Run(context, row, tokens, values))

    def on(self, matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The places in the flat matrix, int64 [n], and the values, [n] of its type, on its device.

        Raises:
            ValueError: if the matrix has no such token.
        """
        width = matrix.shape[1]
        for run in self._runs:
            check_tokens(run.tokens, width, run.context)
        places = np.concatenate([run.row * width + run.tokens for run in self._runs])
        values = np.concatenate(
            [np.broadcast_to(run.values, run.tokens.shape) for run in self._runs]
        )
        there = torch.from_numpy(values).to(matrix.dtype)
        return moved(torch.from_numpy(places), matrix.device), moved(there, matrix.device)


def check_tokens(tokens: NDArray[np.int64], vocab_size: int, context: TextContext) -> None:
    """Refuses tokens that a model does not have.

    Raises:
        ValueError: if there are any.
    """
    if tokens.size and not 0 <= int(tokens.min()) <= int(tokens.max()) < vocab_size:
        raise ValueError(
            f"Request {context.request_id} names the tokens {int(tokens.min())} to "
            f"{int(tokens.max())}; the model's logits are of tokens 0 to {vocab_size - 1}."
        )
