"""Checkpoints of safetensors files: good ones, and all the ways in which they are broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import save_file

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import Graph, TensorType
from max.graph.weights import SafetensorWeights, WeightsFileError


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    """Two shards: layers.0.{weight,bias}, and norm.weight."""
    paths = [tmp_path / f"model-{i}-of-2.safetensors" for i in (1, 2)]
    half = torch.arange(6).reshape(2, 3).bfloat16()
    save_file({"layers.0.weight": half, "layers.0.bias": torch.ones(2)}, paths[0])
    save_file({"norm.weight": torch.zeros(3)}, paths[1])
    return paths


def test_attributes_and_indices_lead_to_weights(shards: list[Path]) -> None:
    weights = SafetensorWeights(shards)
    place = weights.layers[0].weight
    assert (place.name, place.exists(), place.dtype) == ("layers.0.weight", True, DType.bfloat16)
    data = place.data()
    assert (data.name, data.dtype) == ("layers.0.weight", DType.bfloat16)
    assert data.shape == [2, 3]
    assert data.to_buffer().tensor.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert weights["norm"].weight.shape == [3]
    assert not weights.layers[1].weight.exists()
    assert not weights.layers.exists()


def test_items_are_those_below(shards: list[Path]) -> None:
    weights = SafetensorWeights(shards)
    assert {n for n, _ in weights.items()} == {"layers.0.weight", "layers.0.bias", "norm.weight"}
    assert {n for n, _ in weights.layers[0].items()} == {"layers.0.weight", "layers.0.bias"}
    assert all(place.name == name for name, place in weights.items())
    assert repr(weights.layers) == "SafetensorWeights('layers', 2 weights)"


def test_names_are_whole_parts(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"layers.1.w": torch.ones(1), "layers.10.w": torch.ones(1)}, path)
    assert [n for n, _ in SafetensorWeights(path).layers[1].items()] == ["layers.1.w"]


@pytest.mark.parametrize("dtype", list(DType), ids=str)
def test_every_dtype_comes_through(dtype: DType, tmp_path: Path) -> None:
    tensor = torch.tensor([0, 1, 1]).to(dtype.to_torch())
    save_file({"w": tensor}, tmp_path / "m.safetensors")
    data = SafetensorWeights(tmp_path / "m.safetensors").w.data()
    assert data.dtype is dtype
    assert data.to_buffer().tensor.view(torch.uint8).equal(tensor.view(torch.uint8))


def test_empty_and_scalar_tensors(tmp_path: Path) -> None:
    save_file({"none": torch.zeros(0, 4), "one": torch.tensor(2.5)}, tmp_path / "m.safetensors")
    weights = SafetensorWeights(tmp_path / "m.safetensors")
    assert weights.none.shape == [0, 4]
    assert weights.one.data().to_buffer().item() == 2.5


def test_nothing_is_read_until_it_is_used(tmp_path: Path) -> None:
    size = 64 << 20
    save_file({"big": torch.ones(size, dtype=torch.uint8)}, tmp_path / "m.safetensors")
    before = psutil.Process().memory_info().rss
    buffer = SafetensorWeights(tmp_path / "m.safetensors").big.data().to_buffer()
    assert psutil.Process().memory_info().rss - before < size // 4
    assert buffer.tensor[-1].item() == 1


def test_allocated_weights_fill_a_graph(shards: list[Path]) -> None:
    weights = SafetensorWeights(shards)
    bias = weights.layers[0].bias.allocate(DType.float32, [2])
    assert list(weights.allocated_weights) == ["layers.0.bias"]
    graph = Graph("g", lambda x: x + bias, [TensorType(DType.float32, [2], CPU())])
    model = InferenceSession().load(graph, weights_registry=weights.allocated_weights)
    assert model(np.zeros(2, dtype=np.float32))[0].to_numpy().tolist() == [1, 1]


def test_allocation_checks_what_is_told(shards: list[Path]) -> None:
    bias = SafetensorWeights(shards).layers[0].bias
    with pytest.raises(ValueError, match=r"'layers\.0\.bias' is float32, not bfloat16"):
        bias.allocate(DType.bfloat16)
    with pytest.raises(ValueError, match=r"'layers\.0\.bias' has shape \[2\], not \[3\]"):
        bias.allocate(shape=[3])


def test_a_missing_weight_names_the_nearest(shards: list[Path]) -> None:
    with pytest.raises(
        KeyError, match=r"no weight 'layers\.0\.weihgt' among the 3; nearest: layers"
    ):
        SafetensorWeights(shards).layers[0].weihgt.data()


def test_one_tensor_in_two_files_is_refused(shards: list[Path]) -> None:
    other = shards[0].with_name("other.safetensors")
    save_file({"norm.weight": torch.zeros(3)}, other)
    with pytest.raises(
        WeightsFileError, match=r"'norm\.weight' is in two files, .*2-of-2.* and .*other"
    ):
        SafetensorWeights([*shards, other])


def broken(path: Path, content: bytes) -> str:
    """What opening a file of this content says."""
    path.write_bytes(content)
    with pytest.raises(WeightsFileError) as caught:
        SafetensorWeights(path)
    message = str(caught.value)
    assert message.startswith(f"cannot read weights from {path}: ")
    return message.removeprefix(f"cannot read weights from {path}: ")


def test_truncated_files_tell_what_is_missing(shards: list[Path]) -> None:
    path, whole = shards[0], shards[0].read_bytes()
    message = broken(path, whole[:-5])
    assert message.startswith(f"it has {len(whole) - 5} bytes instead of {len(whole)}; an interr")
    message = broken(path, whole[:20])
    assert message.startswith("it has 20 bytes instead of at least ")
    assert broken(path, b"").startswith("it has only 0 bytes; an interrupted download?")


def test_other_files_are_told_apart(shards: list[Path]) -> None:
    path, whole = shards[0], shards[0].read_bytes()
    assert "it is a git-lfs pointer" in broken(
        path, b"version https://git-lfs.github.com/spec/v1\n"
    )
    assert "is no safetensors file" in broken(path, b"<!DOCTYPE html><html>not found</html>")
    assert f"its header tells of {len(whole)}" in broken(path, whole + b"??")
    with pytest.raises(WeightsFileError, match="no such file"):
        SafetensorWeights(path.with_name("missing.safetensors"))
    with pytest.raises(WeightsFileError, match="it is a directory: give the files in it"):
        SafetensorWeights(path.parent)


def test_unknown_types_are_told_when_used(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"w": torch.zeros(2, dtype=torch.float8_e5m2)}, path)
    weights = SafetensorWeights(path)
    with pytest.raises(WeightsFileError, match=r"tensor 'w' of .* has the type F8_E5M2; known are"):
        weights.w.data()


def test_places_cannot_be_pickled_by_accident(shards: list[Path]) -> None:
    with pytest.raises(AttributeError, match="__deepcopy__"):
        _ = SafetensorWeights(shards).__deepcopy__
