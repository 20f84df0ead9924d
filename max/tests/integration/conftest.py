"""Fixtures of the integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.own_cache import make_own_cache


@pytest.fixture(scope="session", autouse=True)
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tiny models are made in a folder of the test run, not in the user's cache."""
    folder = make_own_cache(tmp_path_factory.mktemp("run") / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODULAR_MAX_CACHE_DIR", str(folder))
        yield folder
