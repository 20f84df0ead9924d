"""How far a request has got in what constrains it, and what may come next."""

from __future__ import annotations

import logging
from collections.abc import Collection
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from max.pipelines.context import Constraint
from max.pipelines.sampling.grammars.matcher import Matcher
from max.pipelines.sampling.grammars.tags import AwaitedTags, tokens_of

if TYPE_CHECKING:
    from llguidance import LLTokenizer

logger = logging.getLogger("max.pipelines")

Bits = NDArray[np.int32]


class CompiledGrammar(NamedTuple):
    """A grammar at its beginning.

    Attributes:
        tokenizer: That it was compiled for.
        matcher: To be copied; None for any text.
    """

    tokenizer: LLTokenizer
    matcher: Matcher | None


class Follower:
    """Follows one request's tokens.

    Args:
        constraint: Of the request.
        compiled: Its grammar, which others follow too.
    """

    def __init__(self, constraint: Constraint, compiled: Future[CompiledGrammar]) -> None:
        self._constraint = constraint
        self._compiled = compiled
        self._state: _State | None = None

    def allowed(self, generated: NDArray[np.int64], ends: Collection[int]) -> Bits | None:
        """Which tokens may come next: a bit per token, the lowest of the first word first.

        End tokens may come where the grammar's sentence is complete, and nowhere else, whatever
        they stand for. If the grammar is too complex to go on with, only they may: the answer ends.

        Args:
            generated: All tokens of the answer so far.
            ends: The request's end tokens.

        Returns:
            None if any token may come.
        """
        if self._state is None:
            self._state = _State(self._constraint, *self._compiled.result())
        return self._state.allowed(generated, ends)


class _State:
    """Where a request is: before its grammar, waiting for tags, or in it."""

    def __init__(
        self, constraint: Constraint, tokenizer: LLTokenizer, matcher: Matcher | None
    ) -> None:
        self._constraint = constraint
        self._tokenizer = tokenizer
        self._matcher = None if matcher is None else matcher.deep_copy()
        self._num_followed = 0
        awaited = () if constraint.opening is not None else constraint.begins_after
        self._awaited = AwaitedTags(awaited, tokenizer)
        opening = [] if constraint.opening is None else tokens_of(constraint.opening, tokenizer)
        # Where it is several tokens, it is not offered.
        self._opening = opening[0] if len(opening) == 1 else None

    def allowed(self, generated: NDArray[np.int64], ends: Collection[int]) -> Bits | None:
        for token in generated[self._num_followed :].tolist():
            self._follow(token)
        if self._awaited:
            return self._before(generated, ends)
        if self._matcher is None:
            return None
        return self._inside(self._matcher, ends)

    def _follow(self, token: int) -> None:
        is_first, self._num_followed = self._num_followed == 0, self._num_followed + 1
        if is_first and token == self._opening:
            self._awaited = AwaitedTags(self._constraint.begins_after, self._tokenizer)
        elif self._awaited:
            if rest := self._awaited.push(token):
                # The grammar is one of bytes: how they are cut into tokens is all the same to it.
                self._consume(self._tokenizer.tokenize_bytes(rest))
        else:
            self._consume([token])

    def _consume(self, tokens: list[int]) -> None:
        if self._matcher is not None and not self._matcher.is_error():
            self._matcher.consume_tokens(tokens)

    def _before(self, generated: NDArray[np.int64], ends: Collection[int]) -> Bits | None:
        constraint = self._constraint
        if constraint.budget is not None and generated.size >= constraint.budget:
            bits = self._bits()
            set_bits(bits, [self._awaited.forced(generated.tolist())], True)
            return bits
        if constraint.grammar is None or not constraint.is_required:
            return None
        bits = self._bits(filled=True)
        set_bits(bits, ends, False)
        return bits

    def _inside(self, matcher: Matcher, ends: Collection[int]) -> Bits:
        bits = self._bits()
        if not matcher.is_error():
            matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)
        if matcher.is_error():
            logger.warning("An answer is cut off: %s", matcher.get_error())
            bits.fill(0)
        else:
            set_bits(bits, self._tokenizer.eos_tokens, False)
        set_bits(bits, ends, matcher.is_error() or matcher.is_accepting())
        if self._num_followed == 0 and self._opening is not None:
            set_bits(bits, [self._opening], True)
        return bits

    def _bits(self, *, filled: bool = False) -> Bits:
        words = -(-self._tokenizer.vocab_size // 32)
        return np.full(words, -1 if filled else 0, np.int32)


def set_bits(bits: Bits, tokens: Collection[int], value: bool) -> None:
    """Sets the bits of some tokens, or takes them off; tokens beyond the end are left out."""
    as_bytes = bits.view(np.uint8)
    for token in tokens:
        place, bit = token >> 3, 1 << (token & 7)
        if place < as_bytes.size:
            as_bytes[place] = as_bytes[place] | bit if value else as_bytes[place] & (0xFF - bit)
