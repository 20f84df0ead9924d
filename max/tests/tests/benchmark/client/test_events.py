"""What the events of an answer say."""

from __future__ import annotations

import json

import pytest

from max.benchmark.client.events import Answer, read_answer
from max.benchmark.client.exchange import Exchange, Failure
from tests.benchmark.scripted_sse import DONE, chat, completion, event

USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 4},
}


def make_exchange(pieces: list[bytes], status: int = 200) -> Exchange:
    """Pieces that came at 0, 1, 2... seconds."""
    times = [float(i) for i in range(len(pieces))]
    return Exchange(sent=0.0, status=status, piece_times=times, pieces=pieces)


def assert_failed(answer: Answer, kind: str, message: str) -> None:
    assert answer.failure is not None
    assert answer.failure.kind == kind
    assert message in answer.failure.message


def test_a_completion() -> None:
    answer = read_answer(make_exchange(completion("Hel", "lo", usage=USAGE)))
    assert (answer.text, answer.chunk_times, answer.failure) == ("Hello", [0, 1], None)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 7
    assert answer.usage.completion_tokens == 5
    assert answer.usage.cached_tokens == 4


def test_a_chat() -> None:
    answer = read_answer(make_exchange(chat("Hi", "!")))
    # Piece 0 only names the role.
    assert (answer.text, answer.chunk_times, answer.failure) == ("Hi!", [1, 2], None)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "tool_calls"])
def test_reasoning_and_tool_calls_are_parts_of_an_answer(field: str) -> None:
    parts = [event({"choices": [{"delta": {field: "hm"}}]}), DONE]
    answer = read_answer(make_exchange(parts))
    assert (answer.text, answer.chunk_times) == ("", [0])


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_network_may_cut_anywhere(size: int, newline: bytes) -> None:
    stream = b"".join(completion("Gr", "üße", "", " 世界", usage=USAGE)).replace(b"\n", newline)
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    answer = read_answer(make_exchange(pieces))
    assert answer.text == "Grüße 世界"
    assert len(answer.chunk_times) == 3
    # A chunk has come when the line's end has.
    ends = [i for i, byte in enumerate(stream) if byte == ord("\n")][::2]
    assert answer.chunk_times == [ends[i] // size for i in (0, 1, 3)]


def test_comments_and_other_fields_are_skipped() -> None:
    pieces = [b": keep-alive\n\nevent: message\nid: 3\n", *completion("a")]
    assert read_answer(make_exchange(pieces)).text == "a"


def test_an_answer_without_text_has_a_first_token_all_the_same() -> None:
    answer = read_answer(make_exchange(completion("", usage=USAGE)))
    assert answer.chunk_times == [1]  # piece 1 has the finish_reason


def test_a_server_that_sends_no_usage() -> None:
    assert read_answer(make_exchange(completion("a", "b"))).usage is None


def test_an_error_within_the_stream() -> None:
    pieces = [*completion("a")[:1], event({"error": {"message": "out of pages", "code": 1}})]
    assert_failed(read_answer(make_exchange(pieces)), "error in stream", "out of pages")


def test_a_stream_that_ends_too_early() -> None:
    answer = read_answer(make_exchange(completion("a", "b")[:2]))
    assert_failed(answer, "truncated", "without a finish_reason")
    assert answer.chunk_times == [0, 1]


def test_a_missing_done_is_forgiven_after_a_finish_reason() -> None:
    assert read_answer(make_exchange(completion("a", done=False))).failure is None


def test_a_connection_lost_after_the_end_is_forgiven() -> None:
    exchange = make_exchange(completion("a"))
    exchange.failure = Failure("disconnected", "gone")
    assert read_answer(exchange).failure is None


def test_a_connection_lost_before_the_end_is_not() -> None:
    exchange = make_exchange(completion("a")[:1])
    exchange.failure = Failure("disconnected", "gone")
    assert_failed(read_answer(exchange), "disconnected", "gone")


def test_an_event_that_is_no_json() -> None:
    answer = read_answer(make_exchange([b"data: {oops\n\n"]))
    assert_failed(answer, "malformed event", "oops")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (json.dumps({"error": {"message": "The queue is full"}}).encode(), "The queue is full"),
        (json.dumps({"error": "overloaded"}).encode(), "overloaded"),
        (json.dumps({"object": "error", "message": "no such model"}).encode(), "no such model"),
        (json.dumps({"detail": "Not Found"}).encode(), "Not Found"),
        (b"<html>Bad gateway", "<html>Bad gateway"),
        (b"", ""),
    ],
)
def test_statuses_other_than_200(body: bytes, message: str) -> None:
    assert_failed(read_answer(make_exchange([body], status=429)), "HTTP 429", message)
