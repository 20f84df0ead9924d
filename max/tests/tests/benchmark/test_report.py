"""Results for people."""

from __future__ import annotations

import msgspec

from max.benchmark.client.exchange import Failure
from max.benchmark.report import report
from max.benchmark.table import aligned, markdown, number
from tests.benchmark.records import make_record, make_result


def row_of(text: str, name: str) -> list[str]:
    """The cells of the line that begins with a name."""
    (line,) = (line for line in text.splitlines() if line.strip().startswith(name))
    return line.strip().removeprefix(name).split()


def test_all_numbers_are_there() -> None:
    text = report(make_result([make_record()], max_concurrency=4, label="first"))
    assert text.startswith("demo at http://127.0.0.1:8000/v1/completions (first)\n")
    assert "arrivals all at once, at most 4 at a time, seed 0" in text
    assert "1 requests in 1.00 s, 0 failed" in text
    assert row_of(text, "tokens of prompts") == ["10.0", "10"]
    assert row_of(text, "tokens of answers") == ["3.00", "3"]
    # make_record: sent at 1 s, chunks at 1.5, 1.7 and 2 s.
    assert row_of(text, "time to first token") == ["500"] * 5
    assert row_of(text, "time per output token") == ["250"] * 5
    assert row_of(text, "inter-token latency") == ["250", "250", "290", "299", "300"]
    assert row_of(text, "end to end") == ["1,000"] * 5
    assert "Client: 5 % of a core, 12 µs per chunk." in text


def test_what_is_not_there_is_not_shown() -> None:
    text = report(make_result([make_record()]))
    for words in ("failures", "Interrupted", "usage", "prefix cache", "wait for a place", "--"):
        assert words not in text


def test_what_went_wrong_is_told() -> None:
    failed = make_record(failure=Failure("HTTP 429", "The queue is full"))
    unfinished = make_record(unfinished=True)
    counted = make_record(counted_by_server=False, arrival=0.5, cached_tokens=8)
    result = make_result([failed, unfinished, counted])
    text = report(msgspec.structs.replace(result, interrupted=True))
    assert "1 requests in 1.00 s, 1 failed, 1 unfinished" in text
    assert row_of(text, "HTTP 429") == ["1", "first:", "The", "queue", "is", "full"]
    assert "Interrupted: these are the numbers until then." in text
    assert "a chunk of an answer is counted as one token" in text
    assert row_of(text, "wait for a place")[0] == "500"
    assert "10, 8 from the prefix cache" in text


def test_labels_have_parts_of_their_own() -> None:
    text = report(make_result([make_record(label="long"), make_record(label="stream")]))
    assert text.index("-- long --") < text.index("-- stream --")


def test_only_failures() -> None:
    text = report(make_result([make_record(failure=Failure("timeout", "too slow"))]))
    assert "0 requests in 1.00 s, 1 failed" in text
    assert "throughput" not in text


def test_tables() -> None:
    assert aligned([["name", "a"], ["x", "12,345", "b"]], indent="") == (
        "name       a\nx     12,345  b"
    )
    assert markdown(["m", "a"], [["x", "1"]]) == "| m | a |\n| --- | ---: |\n| x | 1 |"
    assert [number(n) for n in (0, 0.1234, 12.34, 123.4, 12345.6)] == [
        "0",
        "0.12",
        "12.3",
        "123",
        "12,346",
    ]
