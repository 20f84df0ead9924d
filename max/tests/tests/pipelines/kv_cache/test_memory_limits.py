"""Available memory: the machine's, within what its control groups allow."""

from __future__ import annotations

import psutil
import pytest

from max.driver import CPU
from max.pipelines.kv_cache.memory_limits import available_memory


def test_the_machine_bounds_what_is_available() -> None:
    assert 0 < available_memory(CPU()) <= psutil.virtual_memory().total


def test_the_tightest_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.pipelines.kv_cache.memory_limits.memory_left", lambda: [4096, 1024])
    assert available_memory(CPU()) == 1024
