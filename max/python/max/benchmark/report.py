"""A result as text for a terminal."""

from __future__ import annotations

from max.benchmark.result import Result
from max.benchmark.statistics import Distribution, Summary
from max.benchmark.table import aligned, number

_LATENCIES = {
    "time to first token": "ttft",
    "time per output token": "tpot",
    "inter-token latency": "itl",
    "end to end": "e2e",
}
_QUEUE = {"wait for a place": "queue"}


def report(result: Result) -> str:
    """All numbers of a run."""
    settings = result.settings
    name = f" ({settings.label})" if settings.label else ""
    load = "all at once" if settings.request_rate is None else f"{settings.request_rate:g}/s"
    places = f", at most {settings.max_concurrency} at a time" if settings.max_concurrency else ""
    head = (
        f"{settings.model} at {settings.base_url}{settings.path}{name}\n"
        f"dataset {settings.dataset}, arrivals {load}{places}, seed {settings.seed}"
    )
    parts = [head, _summary(result.summary)]
    parts += [f"-- {label} --\n{_summary(part)}" for label, part in result.by_label.items()]
    if result.interrupted:
        parts.append("Interrupted: these are the numbers until then.")
    if not result.summary.counted_by_server:
        parts.append(
            "The server sends no usage: tokens of prompts are unknown, and a chunk of an answer is "
            "counted as one token."
        )
    cost = result.client
    parts.append(
        f"Client: {cost.cores * 100:.0f} % of a core, {cost.microseconds_per_chunk:.0f} µs per "
        "chunk."
    )
    return "\n\n".join(parts)


def _summary(summary: Summary) -> str:
    counts = f"{summary.completed} requests in {summary.duration:.2f} s, {summary.failed} failed"
    if summary.unfinished:
        counts += f", {summary.unfinished} unfinished"
    parts = [counts]
    if summary.completed:
        parts += [_throughput(summary), _latencies(summary)]
    if summary.failures:
        rows = [[group.kind, str(group.count)] for group in summary.failures]
        lines = aligned([["failures", ""], *rows]).splitlines()
        messages = ["", *(f"  first: {group.first_message}" for group in summary.failures)]
        parts.append("\n".join(a + b for a, b in zip(lines, messages, strict=True)))
    return "\n\n".join(parts)


def _throughput(summary: Summary) -> str:
    cached = f"{summary.cached_tokens:,} from the prefix cache"
    rows = [
        ["throughput", "per second", "in total"],
        ["requests", number(summary.request_throughput), f"{summary.completed:,}"],
        ["tokens of prompts", number(summary.input_throughput), f"{summary.input_tokens:,}"],
        ["tokens of answers", number(summary.output_throughput), f"{summary.output_tokens:,}"],
        [
            "all tokens",
            number(summary.total_throughput),
            f"{summary.input_tokens + summary.output_tokens:,}",
        ],
    ]
    lines = aligned(rows).splitlines()
    if summary.cached_tokens:
        lines[2] += f", {cached}"
    return "\n".join(lines)


def _latencies(summary: Summary) -> str:
    rows = [["latency in ms", "mean", "p50", "p90", "p99", "max"]]
    waited = summary.queue is not None and summary.queue.max >= 1
    for name, field in ((_QUEUE if waited else {}) | _LATENCIES).items():
        found: Distribution | None = getattr(summary, field)
        if found is not None:
            values = (found.mean, found.p50, found.p90, found.p99, found.max)
            rows.append([name, *(number(value) for value in values)])
    return aligned(rows)
