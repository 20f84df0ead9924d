"""Files that are written are read by the `gguf` package and by our reader alike."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.weights import load_weights, read_gguf_header
from max.graph.weights.gguf_writer import PlannedTensor, write_gguf
from max.kernels.quantize_rows import quantize_rows

PLAN = [
    PlannedTensor("a.odd", (3,), DType.float32),
    PlannedTensor("b.packed", (5, 256), QuantizationEncoding.Q6_K),
    PlannedTensor("c.half", (2, 3, 4), DType.bfloat16),
]


def make_tensors() -> list[torch.Tensor]:
    rows = torch.randn(5, 256, generator=torch.Generator().manual_seed(0))
    packed = quantize_rows(rows, QuantizationEncoding.Q6_K)
    return [torch.arange(3.0), packed, torch.arange(24).reshape(2, 3, 4).to(torch.bfloat16)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    write_gguf(path, {"general.architecture": "llama", "a.text": "ü"}, PLAN, iter(make_tensors()))
    return path


def test_our_reader(file: Path) -> None:
    weights = dict(load_weights(file).items())
    assert list(weights) == [planned.name for planned in PLAN]
    for tensor, weight in zip(make_tensors(), weights.values(), strict=True):
        assert torch.equal(weight.data().to_buffer().tensor, tensor)
    assert weights["b.packed"].data().quantization_encoding is QuantizationEncoding.Q6_K
    assert read_gguf_header(file).metadata["a.text"] == "ü"


def test_the_gguf_package(file: Path) -> None:
    reader = gguf.GGUFReader(file)
    odd, packed, half = reader.tensors
    np.testing.assert_array_equal(odd.data, [0, 1, 2])
    assert packed.tensor_type is gguf.GGMLQuantizationType.Q6_K
    np.testing.assert_array_equal(packed.data, make_tensors()[1].numpy())
    assert half.shape.tolist() == [4, 3, 2]


def test_tensors_that_are_not_as_planned_are_refused(tmp_path: Path) -> None:
    tensors = make_tensors()
    tensors[1] = tensors[1][:4]
    with pytest.raises(ValueError, match=r"'b\.packed' has 840 bytes, not 1050"):
        write_gguf(tmp_path / "model.gguf", {}, PLAN, iter(tensors))
    with pytest.raises(ValueError, match="shorter"):
        write_gguf(tmp_path / "model.gguf", {}, PLAN, iter(make_tensors()[:2]))
