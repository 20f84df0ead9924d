"""The numbers by which runs are compared."""

from __future__ import annotations

from typing import NamedTuple

from max.benchmark.statistics import Summary


class Metric(NamedTuple):
    """A number of a summary.

    Attributes:
        key: Its path in the summary, e.g. `ttft.p50`.
        title: Its name and unit for people.
        higher_is_better: Which way is good.
    """

    key: str
    title: str
    higher_is_better: bool

    def of(self, summary: Summary) -> float | None:
        """The number, if the run has it."""
        value: object = summary
        for name in self.key.split("."):
            value = getattr(value, name, None)
        return float(value) if isinstance(value, (int, float)) else None


_TITLES = {"ttft": "TTFT", "tpot": "TPOT", "itl": "ITL", "e2e": "end to end"}
_RATES = {
    "request_throughput": "requests/s",
    "input_throughput": "prompt tokens/s",
    "output_throughput": "output tokens/s",
    "total_throughput": "all tokens/s",
}

METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        *(Metric(key, title, True) for key, title in _RATES.items()),
        *(
            Metric(f"{key}.{part}", f"{title} {part}, ms", False)
            for key, title in _TITLES.items()
            for part in ("mean", "p50", "p90", "p99", "max")
        ),
        Metric("duration", "duration, s", False),
        Metric("completed", "requests done", True),
        Metric("failed", "requests failed", False),
        Metric("cached_tokens", "prompt tokens from the cache", True),
    )
}
COMPARED = (
    *_RATES,
    *(f"{key}.{part}" for key in _TITLES for part in ("mean", "p50", "p90", "p99")),
    "failed",
)
