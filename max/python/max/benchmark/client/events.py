"""Reads the server-sent events of an answer, after it has come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from max.benchmark.client.exchange import Exchange, Failure

_MAX_MESSAGE = 500  # characters of a server's error that are kept


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: Any = None


class _Choice(msgspec.Struct):
    text: str | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class Usage(msgspec.Struct):
    """The server's count of tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None

    @property
    def cached_tokens(self) -> int:
        """Tokens of the prompt that were found in the prefix cache."""
        details = self.prompt_tokens_details
        return (details.cached_tokens or 0) if details else 0


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    usage: Usage | None = None
    error: Any = None


class Answer(NamedTuple):
    """What the events say.

    Attributes:
        text: The answer, without reasoning and tool calls.
        chunk_times: When each chunk came that had a part of the answer, as `perf_counter`.
        usage: The server's count, if it sent one.
        failure: What went wrong, if something did.
    """

    text: str
    chunk_times: list[float]
    usage: Usage | None
    failure: Failure | None


_decoder = msgspec.json.Decoder(_Event)


def _payloads(exchange: Exchange) -> Iterator[tuple[float, bytes]]:
    """Yields each `data:` line and the time of the read that completed it."""
    rest = b""
    for time, piece in zip(exchange.piece_times, exchange.pieces, strict=True):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield time, line[5:].strip()


def read_answer(exchange: Exchange) -> Answer:
    """Reads an exchange that has ended."""
    if exchange.failure is None and exchange.status != 200:
        return Answer("", [], None, _http_failure(exchange))
    parts: list[str] = []
    times: list[float] = []
    usage, finished_at, is_done = None, None, False
    failure = exchange.failure
    for time, payload in _payloads(exchange):
        if payload == b"[DONE]":
            is_done = True
            break
        try:
            event = _decoder.decode(payload)
        except msgspec.DecodeError as error:
            failure = failure or Failure("malformed event", f"{error}: {payload[:100]!r}")
            break
        if event.error is not None:
            failure = Failure("error in stream", _error_message(event.error))
            break
        usage = event.usage or usage
        for choice in event.choices:
            text, is_part = _part(choice)
            parts.append(text)
            if is_part:
                times.append(time)
            if choice.finish_reason is not None:
                finished_at = time
    if not times and finished_at is not None:
        times = [finished_at]  # an answer without any text, e.g. half a character
    if failure is None and not is_done and finished_at is None:
        failure = Failure("truncated", "the stream ended without a finish_reason and [DONE]")
    return Answer("".join(parts), times, usage, failure if not is_done else None)


def _part(choice: _Choice) -> tuple[str, bool]:
    """The text of a chunk, and whether it has a part of the answer at all."""
    delta = choice.delta
    if delta is None:
        return choice.text or "", bool(choice.text)
    content = delta.content or ""
    others = delta.reasoning_content or delta.reasoning or delta.tool_calls
    return content, bool(content or others)


def _http_failure(exchange: Exchange) -> Failure:
    body = exchange.body()
    try:
        message = _error_message(msgspec.json.decode(body))
    except msgspec.DecodeError:
        message = body.decode("utf-8", "replace")
    return Failure(f"HTTP {exchange.status}", message[:_MAX_MESSAGE])


def _error_message(error: Any) -> str:
    """The message inside OpenAI's envelope, or whatever there is instead."""
    while isinstance(error, dict) and ("error" in error or "message" in error):
        error = error.get("error") or error.get("message")
    return str(error)[:_MAX_MESSAGE]
