"""Notes when the tokens of one choice come."""

from __future__ import annotations

from max.serve.telemetry.request_metrics import RequestMetrics
from max.serve.telemetry.request_record import RequestRecord


class TokenClock:
    """Called for each delivery, so it is quick; it looks at no clock itself."""

    __slots__ = ("_last", "_metrics", "_record")

    def __init__(self, record: RequestRecord, metrics: RequestMetrics) -> None:
        self._record = record
        self._metrics = metrics
        self._last: float | None = None

    def began(self, at: float) -> None:
        """The choice has its first step; in a worker that was started anew, once more."""
        known = self._record.begun
        self._record.begun = at if known is None else min(at, known)

    def tick(self, num_tokens: int, now: float) -> None:
        """Tokens came, at least one.

        Args:
            num_tokens: How many at once; the time since the last delivery is shared among them.
            now: `time.monotonic()`.
        """
        if self._last is None:
            if self._record.first_token is None:
                self._record.first_token = now
        else:
            self._metrics.itl.observe((now - self._last) / num_tokens * 1000)
        self._last = self._record.last_token = now
