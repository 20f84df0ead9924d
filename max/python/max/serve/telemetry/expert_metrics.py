"""How many tokens the experts of each layer had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter


class ExpertMetrics:
    """Counters of each expert, from the totals of workers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tokens = Counter(
            "maxserve_expert_tokens",
            "Tokens that each expert of a layer was given.",
            ["layer", "expert"],
            registry=registry,
        )
        self._totals: dict[str, list[int]] = {}

    def observe(self, totals: Mapping[str, Sequence[int]]) -> None:
        """Takes a worker's totals since its start."""
        for layer, now in totals.items():
            before = self._totals.get(layer, [0] * len(now))
            for expert, (old, new) in enumerate(zip(before, now, strict=True)):
                self._tokens.labels(layer, str(expert)).inc(new - old)
            self._totals[layer] = list(now)

    def forget_worker(self) -> None:
        """The worker is gone: the next one begins at zero."""
        self._totals.clear()
