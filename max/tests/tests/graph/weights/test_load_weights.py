"""Formats, and opening checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from max.graph.weights import (
    SafetensorWeights,
    Weights,
    WeightsFormat,
    load_weights,
    weights_format,
)


def test_suffixes_tell_the_format(tmp_path: Path) -> None:
    assert (
        weights_format([tmp_path / "a.safetensors", "b.safetensors"]) is WeightsFormat.safetensors
    )
    assert weights_format("model.gguf") is WeightsFormat.gguf


def test_formats_that_are_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.bin is no weight file: known are \.gguf, \.safe"):
        weights_format(["model.bin"])
    with pytest.raises(ValueError, match="weight files of several formats"):
        weights_format(["a.safetensors", "b.gguf"])
    with pytest.raises(ValueError, match="no weight files were given"):
        weights_format([])


def test_load_weights(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"w": torch.ones(2)}, path)
    weights = load_weights(path)
    assert isinstance(weights, SafetensorWeights)
    assert isinstance(weights, Weights)
    assert [name for name, _ in load_weights([str(path)]).items()] == ["w"]
