"""An event loop whose clock jumps to the next timer: no test waits, and none depends on speed."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Clock(selectors.DefaultSelector):
    """Lets the time pass that the loop would have waited for."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is left that could happen")
        self.now += timeout
        return list(super().select(0))


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs what uses timers, but neither threads nor sockets; the clock begins at zero.

    Raises:
        RuntimeError: it waits for what cannot come.
    """
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
