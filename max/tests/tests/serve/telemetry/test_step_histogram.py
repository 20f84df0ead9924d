"""Tests of `max.serve.telemetry.step_histogram`: it shows what prometheus_client's own shows."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from max.serve.telemetry.step_histogram import StepHistogram

BOUNDS = (0.5, 1.0, 2.0)


def shown(registry: CollectorRegistry, *, as_openmetrics: bool) -> list[str]:
    encode = openmetrics.generate_latest if as_openmetrics else generate_latest
    lines = encode(registry).decode().splitlines()
    # When it was made differs.
    return [line.partition(" ")[0] if "_created" in line else line for line in lines]


@pytest.mark.parametrize("as_openmetrics", [False, True])
@pytest.mark.parametrize("amounts", [[], [0.0], [0.5, 1.0, 2.0], [0.25, 0.75, 0.75, 1.5, 3.0, 1e9]])
def test_shows_what_the_library_shows(amounts: list[float], as_openmetrics: bool) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histogram = StepHistogram("step_time", "Of a step.", BOUNDS, ours, "seconds")
    expected = Histogram("step_time", "Of a step.", unit="seconds", buckets=BOUNDS, registry=theirs)

    for amount in amounts:
        histogram.observe(amount)
        expected.observe(amount)

    assert shown(ours, as_openmetrics=as_openmetrics) == shown(
        theirs, as_openmetrics=as_openmetrics
    )


def test_a_name_is_registered_once() -> None:
    registry = CollectorRegistry()
    StepHistogram("step_time", "Of a step.", BOUNDS, registry)

    with pytest.raises(ValueError, match="step_time"):
        StepHistogram("step_time", "Of a step.", BOUNDS, registry)
