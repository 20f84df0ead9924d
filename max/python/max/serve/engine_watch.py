"""What somebody who looks at the engine sees. While nobody does, nothing is kept or asked for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from max.serve.messages import Inspect, Inspection
from max.serve.telemetry.worker_stats import StepStats, WorkerStats

# Steps that are kept: some seconds of a fast model's.
MOST_STEPS = 512
# A look is over when the next one does not come.
LOOK_S = 5.0
# How old an inspection may be, and how long a new one is waited for: a step may take long.
FRESH_S = 0.1
PATIENCE_S = 0.25


class SeenStep(NamedTuple):
    """A step of the model.

    Attributes:
        number: Counted since somebody looks.
        at: When it was reported, in `time.monotonic` seconds.
        stats: What it did.
    """

    number: int
    at: float
    stats: StepStats


class EngineWatch:
    """Collects steps and asks the worker what it holds.

    Everything runs on one event loop. However many look, the worker is asked ten times in a second
    at most.

    Args:
        ask: Sends a message to the worker, if there is one.
    """

    def __init__(self, ask: Callable[[Inspect], None]) -> None:
        self._ask = ask
        self._steps: deque[SeenStep] = deque(maxlen=MOST_STEPS)
        self._number = 0
        self._end: asyncio.TimerHandle | None = None
        self._inspection: Inspection | None = None
        self._inspected_at = float("-inf")
        self._answer: asyncio.Future[None] | None = None

    def observe(self, stats: WorkerStats) -> None:
        """The worker reports steps."""
        if self._end is not None:
            now = time.monotonic()
            for step in stats.steps:
                self._number += 1
                self._steps.append(SeenStep(self._number, now, step))

    def take(self, inspection: Inspection | None) -> None:
        """The worker answers, or (None) is another one than the one that was asked."""
        self._inspection = inspection
        self._inspected_at = float("-inf") if inspection is None else time.monotonic()
        if self._answer is not None:
            self._answer.set_result(None)
            self._answer = None

    async def look(self) -> Inspection | None:
        """What the engine holds; when a step takes long, what it held before that."""
        loop = asyncio.get_running_loop()
        if self._end is not None:
            self._end.cancel()
        self._end = loop.call_later(LOOK_S, self._forget)
        if time.monotonic() - self._inspected_at > FRESH_S:
            if self._answer is None:
                self._answer = loop.create_future()
                self._ask(Inspect())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._answer), PATIENCE_S)
        return self._inspection

    def steps_after(self, number: int) -> list[SeenStep]:
        """The steps that are kept, of those after this one."""
        return [step for step in self._steps if step.number > number]

    def _forget(self) -> None:
        self._end = None
        self._steps.clear()
        self._inspection = None
