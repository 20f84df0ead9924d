"""Numbers of a run, from its records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from max.benchmark.records import RequestRecord


class Distribution(msgspec.Struct, frozen=True):
    """How values are spread; percentiles are interpolated linearly. Times are in milliseconds."""

    count: int
    mean: float
    p50: float
    p90: float
    p99: float
    max: float


class FailureGroup(msgspec.Struct, frozen=True):
    """Failures of one kind, and the message of the first."""

    kind: str
    count: int
    first_message: str


class Summary(msgspec.Struct, frozen=True):
    """The numbers of a set of requests. Rates are per second of `duration`.

    Attributes:
        duration: Seconds from the first request sent to the end of the last.
        completed: Requests whose answer came to its end. All numbers below are theirs.
        failed: Requests that failed.
        unfinished: Requests that were running when the run was interrupted.
        request_throughput: Requests per second.
        input_throughput: Tokens of prompts per second.
        output_throughput: Tokens of answers per second.
        total_throughput: Both.
        input_tokens: Tokens of prompts.
        cached_tokens: Those of them that the server found in its prefix cache.
        output_tokens: Tokens of answers.
        counted_by_server: All answers' tokens are from the server's `usage`; otherwise the
            chunks of those without were counted instead.
        queue: From due to sent: the wait for one of `--max-concurrency` places.
        ttft: Time to first token: from sent to the first chunk with a part of the answer.
        tpot: Time per output token of each answer, the first token left out.
        itl: Inter-token latency: the gaps between chunks of all answers together. A server
            that sends several tokens in a chunk has fewer and longer gaps.
        e2e: From sent to the end of the answer.
        failures: Failures by kind, the most frequent first.
    """

    duration: float
    completed: int
    failed: int
    unfinished: int
    request_throughput: float
    input_throughput: float
    output_throughput: float
    total_throughput: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    counted_by_server: bool
    queue: Distribution | None
    ttft: Distribution | None
    tpot: Distribution | None
    itl: Distribution | None
    e2e: Distribution | None
    failures: list[FailureGroup]


def distribution(seconds: Iterable[float | None]) -> Distribution | None:
    """Describes times given in seconds; None when there are none."""
    values = np.array([value for value in seconds if value is not None]) * 1000
    if not values.size:
        return None
    p50, p90, p99 = (float(p) for p in np.percentile(values, [50, 90, 99]))
    return Distribution(int(values.size), float(values.mean()), p50, p90, p99, float(values.max()))


def summarize(records: Sequence[RequestRecord]) -> Summary:
    """Computes the numbers of some requests."""
    done = [record for record in records if record.succeeded]
    duration = 0.0
    if records:
        duration = max(r.end for r in records) - min(r.sent for r in records)
    input_tokens = sum(record.prompt_tokens for record in done)
    output_tokens = sum(record.output_tokens for record in done)

    def rate(count: int) -> float:
        return count / duration if duration > 0 else 0.0

    return Summary(
        duration=duration,
        completed=len(done),
        failed=sum(record.failure is not None for record in records),
        unfinished=sum(record.unfinished for record in records),
        request_throughput=rate(len(done)),
        input_throughput=rate(input_tokens),
        output_throughput=rate(output_tokens),
        total_throughput=rate(input_tokens + output_tokens),
        input_tokens=input_tokens,
        cached_tokens=sum(record.cached_tokens for record in done),
        output_tokens=output_tokens,
        counted_by_server=all(record.counted_by_server for record in done),
        queue=distribution(record.sent - record.arrival for record in done),
        ttft=distribution(record.time_to_first_token for record in done),
        tpot=distribution(record.time_per_output_token for record in done),
        itl=distribution(gap for record in done for gap in record.gaps),
        e2e=distribution(record.end - record.sent for record in done),
        failures=_failures(records),
    )


def summarize_by_label(records: Sequence[RequestRecord]) -> dict[str, Summary]:
    """The numbers of each label; empty when there are no labels."""
    labels = dict.fromkeys(record.label for record in records)
    if set(labels) <= {""}:
        return {}
    return {
        label or "(none)": summarize([record for record in records if record.label == label])
        for label in labels
    }


def _failures(records: Sequence[RequestRecord]) -> list[FailureGroup]:
    first: dict[str, str] = {}
    count: dict[str, int] = {}
    for failure in (record.failure for record in sorted(records, key=lambda r: r.end)):
        if failure is not None:
            first.setdefault(failure.kind, failure.message)
            count[failure.kind] = count.get(failure.kind, 0) + 1
    kinds = sorted(count, key=lambda kind: -count[kind])
    return [FailureGroup(kind, count[kind], first[kind]) for kind in kinds]
