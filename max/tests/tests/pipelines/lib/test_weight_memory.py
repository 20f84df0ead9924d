"""How much memory is taken ahead for a model's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from max.driver.host_reserve import reserved_bytes, take_reserved
from max.pipelines.config import PipelineConfig
from max.pipelines.lib import weight_memory as module
from max.pipelines.lib.packed_weights import packed_folder
from max.pipelines.lib.weight_memory import bytes_to_reserve, weight_memory
from tests.pipelines.lib.tiny_llama import make_tiny_llama


def make_config(folder: Path, **options: Any) -> PipelineConfig:
    return PipelineConfig.from_flat_kwargs(model_path=str(folder), devices="cpu", **options)


def test_weights_that_stay_as_they_are(tmp_path: Path) -> None:
    folder = make_tiny_llama(tmp_path / "model")
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    assert bytes_to_reserve(make_config(folder).model) == size > 0


@pytest.mark.parametrize("encoding", ["bfloat16", "q8_0"])
def test_weights_that_become_others(tmp_path: Path, encoding: str) -> None:
    config = make_config(make_tiny_llama(tmp_path / "model"), quantization_encoding=encoding)
    assert bytes_to_reserve(config.model) == 0


def test_a_model_that_hardly_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config(make_tiny_llama(tmp_path / "model"))
    monkeypatch.setattr(module, "available_memory", lambda device: 1000)
    assert bytes_to_reserve(config.model) == 0


def test_weights_that_are_mapped_take_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also before the encoding is resolved, when memory is taken."""
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(tmp_path / "cache"))
    folder = make_tiny_llama(tmp_path / "model")
    other = make_config(make_tiny_llama(tmp_path / "other")).model
    kept = make_config(folder, quantization_encoding="float32").model
    packed_folder(kept).mkdir(parents=True)
    (packed_folder(kept) / "llama-1.weights").touch()
    assert bytes_to_reserve(kept) == bytes_to_reserve(make_config(folder).model) == 0
    assert bytes_to_reserve(other) > 0


def test_memory_goes_back(tmp_path: Path) -> None:
    with weight_memory(make_config(make_tiny_llama(tmp_path / "model")).model):
        assert take_reserved(10) is not None
    assert take_reserved(10) is None and reserved_bytes() == 0


def test_a_model_without_weights_is_not_told_here(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with weight_memory(make_config(tmp_path).model):
        assert take_reserved(1) is None
