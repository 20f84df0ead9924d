"""Numbers of a run, against numbers computed by hand and by numpy."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from max.benchmark.client.exchange import Failure
from max.benchmark.statistics import (
    Distribution,
    FailureGroup,
    distribution,
    summarize,
    summarize_by_label,
)
from tests.benchmark.records import make_record


def assert_mean(found: Distribution | None, milliseconds: float) -> None:
    assert found is not None
    assert found.mean == pytest.approx(milliseconds)


def test_percentiles_are_numpys() -> None:
    seconds = np.random.default_rng(0).exponential(size=137)
    found = distribution(seconds)
    assert found is not None
    p50, p90, p99 = np.percentile(seconds * 1000, [50, 90, 99])
    expected = [137, seconds.mean() * 1000, p50, p90, p99, seconds.max() * 1000]
    assert msgspec.structs.astuple(found) == pytest.approx(expected)


def test_percentiles_between_two_values() -> None:
    # Of 0, 1, 2, 3, 4 s: position 0.9 * 4 = 3.6 lies between 3 and 4 s.
    found = distribution([4, 0, 3, 1, 2])
    assert found is not None
    assert msgspec.structs.astuple(found) == pytest.approx([5, 2000, 2000, 3600, 3960, 4000])


def test_no_values_have_no_distribution() -> None:
    assert distribution([]) is None
    assert distribution([None]) is None


def test_numbers_by_hand() -> None:
    # The first: TTFT 0.5 s, gaps 0.2 and 0.3 s, TPOT 0.5 / 2 s. The second waits for a second
    # and brings 4 tokens in 2 chunks: TTFT 1 s, gap 1.5 s, TPOT 1.5 / 3 s.
    summary = summarize(
        [
            make_record(),
            make_record(
                arrival=1.0,
                sent=2.0,
                end=5.0,
                chunk_times=[3.0, 4.5],
                prompt_tokens=20,
                output_tokens=4,
                cached_tokens=16,
            ),
        ]
    )
    assert (summary.completed, summary.failed, summary.unfinished) == (2, 0, 0)
    assert summary.duration == 4  # from 1 s to 5 s
    assert summary.request_throughput == 2 / 4
    assert summary.input_throughput == 30 / 4
    assert summary.output_throughput == 7 / 4
    assert summary.total_throughput == 37 / 4
    assert (summary.input_tokens, summary.cached_tokens, summary.output_tokens) == (30, 16, 7)
    assert_mean(summary.queue, (0 + 1000) / 2)
    assert_mean(summary.ttft, (500 + 1000) / 2)
    assert_mean(summary.tpot, (250 + 500) / 2)
    assert_mean(summary.itl, (200 + 300 + 1500) / 3)
    assert_mean(summary.e2e, (1000 + 3000) / 2)
    assert summary.counted_by_server


def test_an_answer_of_one_token_has_no_time_per_further_token() -> None:
    summary = summarize([make_record(chunk_times=[1.5], output_tokens=1)])
    assert summary.tpot is None
    assert summary.itl is None
    assert_mean(summary.ttft, 500)


def test_failures_do_not_count_and_are_named_by_their_first_message() -> None:
    summary = summarize(
        [
            make_record(),
            make_record(end=9.0, failure=Failure("HTTP 429", "later")),
            make_record(end=3.0, failure=Failure("HTTP 429", "the queue is full")),
            make_record(failure=Failure("timeout", "too slow")),
            make_record(unfinished=True),
        ]
    )
    assert (summary.completed, summary.failed, summary.unfinished) == (1, 3, 1)
    assert summary.output_tokens == 3
    assert summary.failures == [
        FailureGroup("HTTP 429", 2, "the queue is full"),
        FailureGroup("timeout", 1, "too slow"),
    ]


def test_chunks_counted_for_tokens_are_told() -> None:
    assert not summarize([make_record(), make_record(counted_by_server=False)]).counted_by_server


def test_nothing_at_all() -> None:
    summary = summarize([])
    assert (summary.completed, summary.duration, summary.output_throughput) == (0, 0, 0)


def test_labels_have_numbers_of_their_own() -> None:
    records = [make_record(label="long", output_tokens=5), make_record(label="short")]
    parts = summarize_by_label(records)
    assert {label: part.output_tokens for label, part in parts.items()} == {"long": 5, "short": 3}
    assert summarize_by_label([make_record()]) == {}
