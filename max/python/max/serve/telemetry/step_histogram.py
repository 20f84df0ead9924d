"""A histogram that is observed for each token."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString


class StepHistogram:
    """Shows what prometheus_client's `Histogram` shows, and is observed in a sixth of its time.

    That one looks through the buckets in Python and takes a lock for the sum and another one for
    the bucket. This one is for a single thread, and has no labels.

    Args:
        name: Without its unit.
        text: What it measures.
        bounds: Upper bounds of the buckets but for the last one, ascending.
        registry: What shows it.
        unit: Of what it measures, as the end of the name; empty for none.
    """

    def __init__(
        self,
        name: str,
        text: str,
        bounds: Sequence[float],
        registry: CollectorRegistry,
        unit: str = "",
    ) -> None:
        self._name = name
        self._unit = unit
        self._text = text
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._created = time.time()
        registry.register(self)

    def observe(self, amount: float) -> None:
        """Counts an amount."""
        self._sum += amount
        self._counts[bisect_left(self._bounds, amount)] += 1

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What the registry shows."""
        bounds = map(floatToGoString, (*self._bounds, float("inf")))
        totals = accumulate(map(float, self._counts))
        buckets = list(zip(bounds, totals, strict=True))
        family = HistogramMetricFamily(self._name, self._text, buckets, self._sum, unit=self._unit)
        family.add_sample(f"{family.name}_created", {}, self._created)
        yield family

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Its names, of which the registry takes no second one."""
        return self.collect()
