"""GGUF files that somebody made to hurt: each ends in an answer or in a short refusal."""

# build: size = "medium"

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from integration.bad_input.hostile_gguf import hostile_ggufs
from integration.bad_input.refusal import assert_answered_or_refused
from integration.test_common.tiny_gguf import write_gguf
from tests.own_cache import make_own_cache

# Every so many is tried each day.
EVERY = 30


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model is completed in the cache; that of these is of no use to anybody."""
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(make_own_cache(tmp_path / "cache")))


@pytest.fixture(scope="module")
def good_gguf(good_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(good_model, tmp_path_factory.mktemp("gguf") / "good.gguf", "q8_0")


def try_all(good: Path, folder: Path, step: int) -> None:
    for number, (name, spoil) in enumerate(islice(hostile_ggufs(good), 0, None, step)):
        path = folder / f"model{number}.gguf"
        path.write_bytes(good.read_bytes())
        spoil(path)
        assert_answered_or_refused(path, name)
        path.unlink()


def test_some(good_gguf: Path, tmp_path: Path) -> None:
    assert_answered_or_refused(good_gguf, "good", exit_codes=(0,))
    try_all(good_gguf, tmp_path, EVERY)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all(good_gguf: Path, tmp_path: Path) -> None:
    try_all(good_gguf, tmp_path, 1)
