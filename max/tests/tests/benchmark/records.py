"""Records and results for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from max.benchmark.machine import Machine
from max.benchmark.records import RequestRecord
from max.benchmark.result import ClientCost, Result
from max.benchmark.settings import Settings
from max.benchmark.statistics import summarize, summarize_by_label


def make_record(**fields: Any) -> RequestRecord:
    """A request that was sent at 1 s and answered with 3 tokens until 2 s."""
    defaults: dict[str, Any] = {
        "conversation": 0,
        "arrival": 1.0,
        "sent": 1.0,
        "end": 2.0,
        "chunk_times": [1.5, 1.7, 2.0],
        "prompt_tokens": 10,
        "output_tokens": 3,
    }
    return RequestRecord(**(defaults | fields))


def make_result(records: Sequence[RequestRecord], **settings: Any) -> Result:
    """A result with these requests."""
    return Result(
        started="2026-11-20T12:00:00+00:00",
        settings=Settings(**({"model": "demo"} | settings)),
        machine=Machine("a processor", 2, 24.0, "an OS", 0.1, {"max": "0"}),
        client=ClientCost(cpu_seconds=0.1, cores=0.05, microseconds_per_chunk=12),
        interrupted=False,
        summary=summarize(records),
        by_label=summarize_by_label(records),
        requests=list(records),
    )
