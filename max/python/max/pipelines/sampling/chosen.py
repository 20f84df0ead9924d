"""Tokens that were chosen, and where: on an accelerator the host need not know them yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch

from max.pipelines.context import TextContext


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
        self._arriving = tuple(map(_begin_to_copy, (tokens, best)))
        self._arrival = None
        if not tokens.is_cpu:
            self._arrival = torch.cuda.Event()
            self._arrival.record(torch.cuda.current_stream(tokens.device))

    @cached_property
    def _known(self) -> list[int]:
        if self._arrival is not None:
            self._arrival.synchronize()
        tokens, best = (each.tolist() for each in self._arriving)
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


def _begin_to_copy(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.is_cpu:
        return tensor
    arriving = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return arriving.copy_(tensor, non_blocking=True)
