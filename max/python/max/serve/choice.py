"""From tokens to text: one choice of an answer as it grows."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal

from max.pipelines.context import GenerationStatus
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.serve.engine_client import Generation
from max.serve.mailbox import ChoiceDelta
from max.serve.telemetry.request_record import current_record

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text that one choice gained, and why it ended if it did."""

    index: int
    text: str
    finish_reason: FinishReason | None


class Choice:
    """Decodes one choice's tokens and knows when it is finished."""

    def __init__(self, index: int, decoder: StreamDecoder) -> None:
        self.index = index
        self.finish_reason: FinishReason | None = None
        self._cached_tokens: int | None = None
        self._decoder = decoder
        self._num_end_tokens = 0

    @property
    def num_tokens(self) -> int:
        """Tokens that the answer took, its end token included; none after a stop string."""
        return self._decoder.num_tokens + self._num_end_tokens

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that were not computed for it; a worker that took it over has no say."""
        return self._cached_tokens or 0

    @property
    def stopped_by_string(self) -> bool:
        """Whether a stop string ended it, which the worker does not know."""
        return self._decoder.stopped is not None

    def advance(self, delta: ChoiceDelta) -> TextDelta:
        """Adds tokens and gives the text that they make certain."""
        if self._cached_tokens is None:
            self._cached_tokens = delta.cached_tokens
        has_end_token = delta.status is GenerationStatus.END_OF_SEQUENCE
        text = self._decoder.push(delta.tokens[:-1] if has_end_token else delta.tokens)
        if delta.status.is_done and not self.stopped_by_string:
            text += self._decoder.finish()
        if self.stopped_by_string:
            self.finish_reason = "stop"
        elif delta.status.is_done:
            self._num_end_tokens = int(has_end_token)
            at_limit = delta.status is GenerationStatus.MAXIMUM_LENGTH
            self.finish_reason = "length" if at_limit else "stop"
        return TextDelta(self.index, text, self.finish_reason)


async def text_deltas(
    generation: Generation, choices: Sequence[Choice]
) -> AsyncGenerator[list[TextDelta], None]:
    """What the choices gain, as it comes, until all are finished."""
    record = current_record()
    unfinished = len(choices)
    while unfinished:
        deltas = await generation.take()
        began = time.perf_counter()
        gained = []
        for delta in deltas:
            choice = choices[delta.index]
            if choice.finish_reason is not None:
                continue
            gained.append(choice.advance(delta))
            if choice.stopped_by_string:
                generation.cancel(choice.index)
            if choice.finish_reason is not None:
                unfinished -= 1
        record.decoding_s += time.perf_counter() - began
        if gained:
            yield gained
