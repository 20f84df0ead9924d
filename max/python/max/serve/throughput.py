"""How fast requests are being finished, so that a refused client is told when to come again."""

from __future__ import annotations

import math
from collections import deque

WINDOW_S = 60.0
MOST_SAMPLES = 256
# What a client is told at most, and when nothing is known yet.
LONGEST_WAIT_S = 60
UNKNOWN_WAIT_S = 5


class CompletionRate:
    """Remembers when the last requests were finished, in seconds of one clock."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MOST_SAMPLES)

    def add(self, now: float) -> None:
        """A request was finished."""
        self._times.append(now)

    def seconds_for(self, num_requests: int, now: float) -> int:
        """Whole seconds, 1 or more, in which that many requests should be finished."""
        while self._times and self._times[0] < now - WINDOW_S:
            self._times.popleft()
        if len(self._times) < 2:
            return UNKNOWN_WAIT_S
        seconds_each = (now - self._times[0]) / len(self._times)
        return max(1, min(LONGEST_WAIT_S, math.ceil(num_requests * seconds_each)))
