"""`max warm-cache`: what it keeps is what the next start uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.own_cache import make_own_cache

RunMax = Callable[..., Result]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = make_own_cache(tmp_path / "cache")
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(folder))
    return folder / "packed"


def test_quantized_weights_are_kept_and_used(
    run_max: RunMax, tiny_model: Path, cache: Path
) -> None:
    options = ("--model", str(tiny_model), "--devices", "cpu", "--quantization-encoding", "q8_0")
    result = run_max("warm-cache", *options)
    assert result.exit_code == 0, result.output
    (kept,) = cache.iterdir()
    assert f"{tiny_model}: ready to be served in q8_0\nquantized weights: {kept}" in result.stdout
    short = ("--max-length", "64", "--max-new-tokens", "4", "--temperature", "0")
    told = run_max("generate", *options, *short)
    assert told.exit_code == 0, told.output
    assert "quantizing" not in told.output
    (kept / "weights.gguf").write_bytes(b"damaged")
    again = run_max("generate", *options, *short)
    assert "in the cache are damaged and made anew" in again.output
    assert again.stdout.split("Prompt size")[0] == told.stdout.split("Prompt size")[0]


def test_plain_encodings_need_nothing_kept(run_max: RunMax, tiny_model: Path, cache: Path) -> None:
    result = run_max(
        "warm-cache", "--model", str(tiny_model), "--devices", "cpu", "--max-length", "64"
    )
    assert result.exit_code == 0, result.output
    assert "quantized weights" not in result.stdout
    assert not cache.exists()


def test_what_is_no_model_is_told(run_max: RunMax, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = run_max("warm-cache", "--model", str(tmp_path / "folder"))
    assert result.exit_code == 1
    assert "has no config.json" in result.output
