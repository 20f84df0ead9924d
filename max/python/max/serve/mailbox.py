"""Where the tokens of one HTTP request wait until its handler takes them."""

from __future__ import annotations

import asyncio

import msgspec

from max.pipelines.context import GenerationStatus, LogProbabilities


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


class Mailbox:
    """Collects deltas of the request's choices, merged per choice, for one reader.

    A reader that is slow, because its client reads slowly, gets more tokens at once and holds up
    nobody. What waits is bounded by the choices' `max_length`.
    """

    def __init__(self) -> None:
        self._deltas: dict[int, ChoiceDelta] = {}
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None

    def put(self, delta: ChoiceDelta) -> None:
        """Adds to what the reader will take, which owns it from here on."""
        waiting = self._deltas.get(delta.index)
        if waiting is None:
            self._deltas[delta.index] = delta
        else:
            waiting.add(delta)
        self._wake()

    def fail(self, error: Exception) -> None:
        """Makes `take` raise `error`, also when deltas are waiting."""
        self._error = error
        self._wake()

    async def take(self) -> list[ChoiceDelta]:
        """Waits until there is something and takes all of it.

        Raises:
            Exception: What `fail` was given.
        """
        if not self._deltas and self._error is None:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        if self._error is not None:
            raise self._error
        deltas = list(self._deltas.values())
        self._deltas.clear()
        return deltas

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
