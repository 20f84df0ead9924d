"""Where the tokens of one HTTP request wait until its handler takes them."""

from __future__ import annotations

import asyncio

import msgspec

from max.pipelines.context import GenerationStatus, LogProbabilities
from max.serve.answer_size import HELD_BYTES_PER_SCORE
from max.serve.leaving import LeavingBytes
from max.serve.unavailable import answers_too_large

# What becomes of so many tokens takes some ten milliseconds; the second is with log probabilities.
TOKENS_AT_ONCE, SCORED_AT_ONCE = 4096, 256


class ChoiceDelta(msgspec.Struct):
    """Tokens of one choice that came since the last look, and where the choice stands now.

    Attributes:
        index: which choice.
        tokens: its new tokens.
        status: whether more will come.
        cached_tokens: prompt tokens that the cache had when the request began.
        log_probabilities: of the new tokens, when the request asked for them.
        prompt_log_probabilities: of further prompt tokens, when it asked for those.
        embedding: the text's vector in bytes, at the end of a request for one.
    """

    index: int
    tokens: list[int]
    status: GenerationStatus
    cached_tokens: int = 0
    log_probabilities: list[LogProbabilities] = []
    prompt_log_probabilities: list[LogProbabilities] = []
    embedding: bytes = b""

    def add(self, later: ChoiceDelta) -> None:
        """Takes up what came after it."""
        self.tokens += later.tokens
        self.status = later.status
        self.log_probabilities += later.log_probabilities
        self.prompt_log_probabilities += later.prompt_log_probabilities
        self.embedding = later.embedding

    def without_first(self, count: int) -> ChoiceDelta:
        """Takes its first tokens away, which it gives; prompt tokens come before them."""
        first = ChoiceDelta(
            self.index,
            self.tokens[:count],
            GenerationStatus.ACTIVE,
            self.cached_tokens,
            self.log_probabilities[:count],
            self.prompt_log_probabilities,
        )
        self.tokens = self.tokens[count:]
        self.log_probabilities = self.log_probabilities[count:]
        self.prompt_log_probabilities = []
        return first

    @property
    def size(self) -> int:
        """About how many bytes its log probabilities take."""
        if not self.log_probabilities and not self.prompt_log_probabilities:
            return 0
        runs = (*self.log_probabilities, *self.prompt_log_probabilities)
        count = sum(len(run) + sum(map(len, run.top_log_probabilities)) for run in runs)
        return count * HELD_BYTES_PER_SCORE


class Mailbox:
    """Collects deltas of the request's choices, merged per choice, for one reader.

    A reader that is slow, because its client reads slowly, gets more tokens at once, within a
    limit, and holds up nobody. What waits is bounded by the choices' `max_length`, and log
    probabilities by what all answers may take.

    Args:
        leaving: What all answers take.
    """

    def __init__(self, leaving: LeavingBytes | None = None) -> None:
        self._leaving = LeavingBytes() if leaving is None else leaving
        self._deltas: dict[int, ChoiceDelta] = {}
        self._num_tokens = 0
        self._at_once = TOKENS_AT_ONCE
        self._has_rest = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None

    def put(self, delta: ChoiceDelta) -> None:
        """Adds to what the reader will take, which owns it from here on."""
        if self._error is not None:
            return
        size = delta.size
        if delta.log_probabilities:
            self._at_once = SCORED_AT_ONCE
        waiting = self._deltas.get(delta.index)
        self._num_tokens += len(delta.tokens)
        if waiting is None:
            self._deltas[delta.index] = delta
        else:
            waiting.add(delta)
        self.hold(size)
        self._wake()

    def fail(self, error: Exception) -> None:
        """Makes `take` raise `error`, also when deltas are waiting, which are forgotten."""
        self._error = error
        self._deltas.clear()
        self.close()
        self._wake()

    def hold(self, size: int) -> None:
        """Its reader keeps so many bytes of what it took."""
        self._leaving.hold(self, size)

    def give_up(self, most: int) -> None:
        """Fails, since all answers together take more than so many bytes."""
        self.fail(answers_too_large(most))

    def close(self) -> None:
        """Nothing is kept any longer."""
        self._leaving.release(self)

    async def take(self) -> list[ChoiceDelta]:
        """Waits until there is something and takes it, or as much as is good at once.

        Raises:
            Exception: What `fail` was given.
        """
        if self._has_rest:
            await asyncio.sleep(0)  # Others get their turn in between.
        if not self._deltas and self._error is None:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        if self._error is not None:
            raise self._error
        deltas = self._first()
        if size := sum(delta.size for delta in deltas):
            self._leaving.release(self, size)
        return deltas

    def _first(self) -> list[ChoiceDelta]:
        self._has_rest = self._num_tokens > self._at_once
        if not self._has_rest:
            deltas = list(self._deltas.values())
            self._deltas.clear()
            self._num_tokens = 0
            return deltas
        self._num_tokens -= self._at_once
        deltas, room = [], self._at_once
        while room:
            index, delta = next(iter(self._deltas.items()))
            if len(delta.tokens) > room:
                delta = delta.without_first(room)
            else:
                del self._deltas[index]
            room -= len(delta.tokens)
            deltas.append(delta)
        return deltas

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
