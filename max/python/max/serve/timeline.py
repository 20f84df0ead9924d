"""What the server's start consisted of, and how long each part took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the start that is over."""

    name: str
    seconds: float


class StartupTimeline:
    """Follows the start from phase to phase. Times are seconds of one clock.

    The phases: "download" (the model's files are found or fetched; the worker imports its modules
    meanwhile), "import" (what is left of that), "read" (weights),
    "compile", "place weights" (on the device, as its kernels want them), "allocate" (the KV cache),
    "warm up" (some steps with made-up requests).
    """

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self.current: str | None = None
        self._since = 0.0

    def enter(self, name: str, now: float) -> None:
        """One phase ends, if there was one, and `name` begins."""
        self.finish(now)
        self.current, self._since = name, now

    def finish(self, now: float) -> None:
        """The current phase was the last one."""
        if self.current is not None:
            self.phases.append(Phase(self.current, now - self._since))
            self.current = None

    @property
    def total_s(self) -> float:
        """Seconds of all finished phases."""
        return sum(phase.seconds for phase in self.phases)

    def __str__(self) -> str:
        """For people: `Started in 3.1 s: download 1.0 s, read 2.1 s`."""
        parts = ", ".join(f"{phase.name} {phase.seconds:.1f} s" for phase in self.phases)
        return f"Started in {self.total_s:.1f} s: {parts}"
