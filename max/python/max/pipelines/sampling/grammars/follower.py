"""How far a request has got in its grammar, and what may come next."""

from __future__ import annotations

import logging
from collections.abc import Collection
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from llguidance import LLMatcher

logger = logging.getLogger("max.pipelines")

Bits = NDArray[np.int32]


class CompiledGrammar(NamedTuple):
    """A grammar at its beginning.

    Attributes:
        matcher: To be copied.
        num_words: Of 32 tokens each, in its masks.
        eos_token_ids: What it takes for end tokens.
    """

    matcher: LLMatcher
    num_words: int
    eos_token_ids: Collection[int]


class Follower:
    """Follows one request's tokens through its grammar.

    Args:
        compiled: The grammar, which others follow too.
    """

    def __init__(self, compiled: Future[CompiledGrammar]) -> None:
        self._compiled = compiled
        self._matcher: LLMatcher | None = None
        self._num_followed = 0

    def allowed(self, generated: NDArray[np.int64], ends: Collection[int]) -> Bits:
        """Which tokens may come next: a bit per token, the lowest of the first word first.

        End tokens may come where the grammar's sentence is complete, and nowhere else, whatever
        they stand for. If the grammar is too complex to go on with, only they may: the answer ends.

        Args:
            generated: All tokens of the answer so far.
            ends: The request's end tokens.
        """
        matcher, grammar = self._caught_up(generated), self._compiled.result()
        bits = np.zeros(grammar.num_words, np.int32)
        if not matcher.is_error():
            matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)
        if matcher.is_error():
            logger.warning("An answer is cut off: %s", matcher.get_error())
            bits.fill(0)
        else:
            set_bits(bits, grammar.eos_token_ids, False)
        set_bits(bits, ends, matcher.is_error() or matcher.is_accepting())
        return bits

    def _caught_up(self, generated: NDArray[np.int64]) -> LLMatcher:
        if self._matcher is None:
            self._matcher = self._compiled.result().matcher.deep_copy()
        new = generated[self._num_followed :].tolist()
        self._num_followed += len(new)
        if new and not self._matcher.is_error():
            self._matcher.consume_tokens(new)
        return self._matcher


def set_bits(bits: Bits, tokens: Collection[int], value: bool) -> None:
    """Sets the bits of some tokens, or takes them off; tokens beyond the end are left out."""
    as_bytes = bits.view(np.uint8)
    for token in tokens:
        place, bit = token >> 3, 1 << (token & 7)
        if place < as_bytes.size:
            as_bytes[place] = as_bytes[place] | bit if value else as_bytes[place] & (0xFF - bit)
