"""What is kept of each request."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from max.benchmark.client.events import Answer
from max.benchmark.client.exchange import Exchange, Failure


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request. Times are in seconds from the start of the run.

    Attributes:
        conversation: Number of the conversation, from 0.
        turn: Number of the turn in it, from 0.
        label: The label of the conversation.
        arrival: When it was due: the arrival of the conversation, or the end of the turn before.
        sent: When it was sent; later than due while `--max-concurrency` others ran.
        end: When the answer was complete, or had failed.
        chunk_times: When each chunk with a part of the answer came.
        prompt_tokens: Tokens of the prompt, as the server counted them.
        output_tokens: Tokens of the answer.
        cached_tokens: Tokens of the prompt that the server found in its prefix cache.
        counted_by_server: `output_tokens` is the server's `usage`; otherwise chunks were counted.
        failure: Why it failed.
        unfinished: The run was interrupted before the answer was complete.
    """

    conversation: int
    turn: int = 0
    label: str = ""
    arrival: float
    sent: float
    end: float
    chunk_times: list[float] = []
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    counted_by_server: bool = True
    failure: Failure | None = None
    unfinished: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the answer came to its end."""
        return self.failure is None and not self.unfinished

    @property
    def time_to_first_token(self) -> float | None:
        """Seconds from sending to the first chunk with a part of the answer."""
        return self.chunk_times[0] - self.sent if self.chunk_times else None

    @property
    def time_per_output_token(self) -> float | None:
        """Seconds per token after the first one; None for answers of one token."""
        if len(self.chunk_times) < 2 or self.output_tokens < 2:
            return None
        return (self.chunk_times[-1] - self.chunk_times[0]) / (self.output_tokens - 1)

    @property
    def gaps(self) -> list[float]:
        """Seconds between chunks that follow each other."""
        return [later - earlier for earlier, later in pairwise(self.chunk_times)]


def make_record(
    exchange: Exchange,
    answer: Answer,
    *,
    origin: float,
    conversation: int,
    turn: int,
    label: str,
    arrival: float,
    unfinished: bool,
) -> RequestRecord:
    """Makes the record of an exchange.

    Args:
        exchange: what was sent and what came.
        answer: what it says.
        origin: the start of the run, as `perf_counter`.
        conversation: the conversation's number.
        turn: the turn's number.
        label: the conversation's label.
        arrival: when it was due, as `perf_counter`.
        unfinished: the run was interrupted before the end of the answer.
    """
    usage = answer.usage
    return RequestRecord(
        conversation=conversation,
        turn=turn,
        label=label,
        arrival=_rounded(arrival - origin),
        sent=_rounded(exchange.sent - origin),
        end=_rounded(exchange.ended - origin),
        chunk_times=[_rounded(time - origin) for time in answer.chunk_times],
        prompt_tokens=usage.prompt_tokens if usage else 0,
        output_tokens=usage.completion_tokens if usage else len(answer.chunk_times),
        cached_tokens=usage.cached_tokens if usage else 0,
        counted_by_server=usage is not None,
        failure=None if unfinished else answer.failure,
        unfinished=unfinished,
    )


def _rounded(seconds: float) -> float:
    return round(seconds, 6)
