"""How often the worker had to be restarted lately."""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0
# This many restarts within the window make the server unhealthy.
MAX_RESTARTS = 3
LONGEST_PAUSE_S = 30.0


class Restarts:
    """Counts deaths of the worker, each of which is followed by a restart.

    Times are seconds of one clock, such as `time.monotonic`.
    """

    def __init__(self) -> None:
        self.total = 0
        self.last_reason: str | None = None
        self._times: deque[float] = deque()

    def add(self, now: float, reason: str) -> None:
        """The worker died at `now`."""
        self.total += 1
        self.last_reason = reason
        self._times.append(now)

    def recent(self, now: float) -> int:
        """Deaths within the last minute."""
        while self._times and self._times[0] <= now - WINDOW_S:
            self._times.popleft()
        return len(self._times)

    def problem(self, now: float) -> str | None:
        """Why the server is not to be relied on, if it is not."""
        recent = self.recent(now)
        if recent < MAX_RESTARTS:
            return None
        return (
            f"the model worker was restarted {recent} times within {WINDOW_S:g} s;"
            f" the last time because {self.last_reason}"
        )

    def pause(self, now: float) -> float:
        """Seconds to wait before the next start: none at first, then 1, 2, 4 and so on."""
        too_many = self.recent(now) - MAX_RESTARTS
        return min(LONGEST_PAUSE_S, 2.0 ** (too_many - 1)) if too_many > 0 else 0.0

    def seconds_left(self, now: float) -> float:
        """Seconds until the server is healthy again if nothing more happens."""
        recent = self.recent(now)
        if recent < MAX_RESTARTS:
            return 0.0
        return self._times[recent - MAX_RESTARTS] + WINDOW_S - now
