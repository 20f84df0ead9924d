"""Notices a worker that has requests and does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

# A step that takes so many times as long as the slowest one should is none any more.
_SLOWEST_STEPS = 10
_SHORTEST_S = 60.0
_LONGEST_S = 600.0
_SHORTEST_LOAD_S = 600.0


def hang_limit(slowest_step_s: float) -> float:
    """Seconds without progress after which a worker is taken for hung.

    Args:
        slowest_step_s: What the longest step that the plan allows should take.
    """
    return min(_LONGEST_S, max(_SHORTEST_S, _SLOWEST_STEPS * slowest_step_s))


def load_limit(first_s: float) -> float:
    """Seconds after which a worker that loads a model again is taken for hung.

    Args:
        first_s: What the server's first start took.
    """
    return max(_SHORTEST_LOAD_S, _SLOWEST_STEPS * first_s)


async def until_hung(
    until_busy: Callable[[], Awaitable[object]],
    progress: Callable[[], object],
    limit_s: float,
) -> None:
    """Returns when there was no progress for `limit_s` seconds in a row.

    Without requests it sleeps: nothing is looked at.

    Args:
        until_busy: Waits until there is something to do.
        progress: Changes with each step, and whenever there is nothing to do.
        limit_s: Seconds.
    """
    while True:
        await until_busy()
        before = progress()
        await asyncio.sleep(limit_s)
        if progress() == before:
            return
