"""Tokens that were chosen, and where: on an accelerator the host need not know them yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch

from max.pipelines.context import TextContext
from max.pipelines.sampling.late_numbers import LateNumbers


class Chosen(Protocol):
    """One token for each of some requests."""

    @property
    def tensor(self) -> torch.Tensor:
        """int64 [requests], where they were chosen; another step of the device may read it."""

    def known(self) -> list[int]:
        """The tokens; waits until they are there.

        Raises:
            ValueError: if the logits of a request contain NaN or leave it no token.
        """


class KnownTokens:
    """Tokens that were chosen on the host."""

    def __init__(self, tokens: list[int]) -> None:
        self._tokens = tokens

    @property
    def tensor(self) -> torch.Tensor:
        """See `Chosen`."""
        return torch.tensor(self._tokens, dtype=torch.int64)

    def known(self) -> list[int]:
        """See `Chosen`; they were checked."""
        return self._tokens


class TokensOnDevice:
    """Tokens that were chosen on an accelerator; they are on their way to the host.

    Args:
        contexts: whose they are.
        tokens: int64 [requests].
        best: each request's largest logit, [requests].
    """

    def __init__(
        self, contexts: Sequence[TextContext], tokens: torch.Tensor, best: torch.Tensor
    ) -> None:
        self.tensor = tokens
        self._contexts = contexts
        self._arriving = LateNumbers(tokens, best)

    @cached_property
    def _known(self) -> list[int]:
        tokens: list[int]
        tokens, best = self._arriving.known()
        check_best(best, self._contexts)
        return tokens

    def known(self) -> list[int]:
        """See `Chosen`."""
        return self._known


def check_best(best: Sequence[float], contexts: Sequence[TextContext]) -> None:
    """Refuses rows without a choice.

    Args:
        best: the largest logit of each request, NaN if anything in the row is.
        contexts: the requests.
    """
    broken = [
        context.request_id
        for context, logit in zip(contexts, best, strict=True)
        if not logit > -math.inf
    ]
    if not broken:
        return
    raise ValueError(
        f"No token can be chosen for the requests {', '.join(broken)}: their logits contain NaN or "
        "are all -inf. Either the model overflowed (a wider --quantization-encoding helps) or a "
        "logits processor or logit_bias left no token."
    )
