"""`max warm-cache`: what it keeps is what the next start uses."""

from __future__ import annotations

import json
import os
import shutil
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
    assert f"{tiny_model}: ready to be served in q8_0\nweights: {kept}" in result.stdout
    short = ("--max-length", "64", "--max-new-tokens", "4", "--temperature", "0")
    told = run_max("generate", *options, *short)
    assert told.exit_code == 0, told.output
    assert "quantizing" not in told.output
    (file,) = kept.iterdir()
    sound = file.read_bytes()
    file.write_bytes(sound[:-4000])
    again = run_max("generate", *options, *short)
    assert "is damaged and made anew" in again.output
    assert file.read_bytes() == sound
    assert again.stdout.split("Prompt size")[0] == told.stdout.split("Prompt size")[0]


def test_a_first_start_keeps_its_weights_when_asked(
    run_max: RunMax, tiny_model: Path, cache: Path
) -> None:
    short = ("--max-length", "64", "--max-new-tokens", "4", "--temperature", "0")
    options = ("--model", str(tiny_model), "--devices", "cpu", *short)
    first = run_max("generate", *options)
    assert first.exit_code == 0, first.output
    assert not cache.exists()
    assert run_max("generate", *options, "--keep-packed-weights").exit_code == 0
    ((kept,),) = ([*folder.iterdir()] for folder in cache.iterdir())
    kept_bytes = kept.read_bytes()
    told = run_max("generate", *options)
    assert told.stdout.split("Prompt size")[0] == first.stdout.split("Prompt size")[0]
    weights = tiny_model / "model.safetensors"
    os.utime(weights, ns=(0, weights.stat().st_mtime_ns + 1))
    again = run_max("generate", *options)
    assert "out of date and made anew" in again.output
    (fresh,) = kept.parent.iterdir()
    assert fresh.name != kept.name and fresh.read_bytes() == kept_bytes


def test_what_is_no_model_is_told(run_max: RunMax, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = run_max("warm-cache", "--model", str(tmp_path / "folder"))
    assert result.exit_code == 1
    assert "has no config.json" in result.output


def test_model_that_cannot_fit_is_refused(
    run_max: RunMax, tiny_model: Path, cache: Path, tmp_path: Path
) -> None:
    """Before memory is asked for: its tables of positions would take 4 TB."""
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 10**12}))
    result = run_max("warm-cache", "--model", str(model), "--devices", "cpu")
    assert result.exit_code == 1
    assert "does not fit in the KV cache" in result.stderr
    assert not cache.exists()
