"""Memory is given back after something large was freed."""

from __future__ import annotations

import asyncio
import ctypes

import pytest

from max.serve import memory
from max.serve.memory import LARGE, FreedMemory, trim


def times_given_back(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> int:
    """How often it is, after these sizes were freed one after the other."""
    given_back = []
    monkeypatch.setattr(memory, "_PAUSE_S", 0.0)
    monkeypatch.setattr(memory, "trim", lambda: given_back.append(True))

    async def free() -> None:
        freed = FreedMemory()
        for size in sizes:
            freed.freed(size)
        await asyncio.sleep(0.01)
        await asyncio.get_running_loop().run_in_executor(memory._TRIMMING, lambda: None)

    asyncio.run(free())
    return len(given_back)


def test_once_for_much_that_is_freed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert times_given_back([LARGE, 3 * LARGE, 10], monkeypatch) == 1


def test_not_for_little(monkeypatch: pytest.MonkeyPatch) -> None:
    assert times_given_back([LARGE - 1] * 5, monkeypatch) == 0


def test_system_without_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trim() in (True, False)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert trim() is False
