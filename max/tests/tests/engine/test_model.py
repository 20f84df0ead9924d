"""Running models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from max.driver import CPU, Buffer, Device
from max.dtype import DType
from max.engine import InferenceSession, Model, TensorSpec
from max.graph import Dim, Graph, Shape, TensorType


def make_model() -> Model:
    """x[n, 2] and y[n] of float32; gives x and y's sums."""
    types = [
        TensorType(DType.float32, ["n", 2], CPU()),
        TensorType(DType.float32, ["n"], CPU()),
    ]
    graph = Graph("sums", lambda x, y: [x.sum(), y.sum() * 2], types)
    return InferenceSession().load(graph)


def ones(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A float32 array of ones."""
    return np.ones(shape, dtype=np.float32)


def test_arrays_of_many_libraries_are_inputs() -> None:
    model = make_model()
    for x in (ones(3, 2), torch.ones(3, 2), Buffer(torch.ones(3, 2))):
        sums, total = model.execute(x, ones(3))
        assert isinstance(sums, Buffer)
        assert np.from_dlpack(sums).tolist() == [[2], [2], [2]]
        assert total.to_numpy().tolist() == [6]


def test_strided_and_empty_inputs() -> None:
    model = make_model()
    x = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(3, 2))
    assert model(x, ones(6)[::2])[0].to_numpy().tolist() == [[1], [5], [9]]
    sums, total = model(ones(0, 2), ones(0))
    assert (sums.shape, total.to_numpy().tolist()) == ((0, 1), [0])


def test_metadata() -> None:
    model = make_model()
    assert model.input_metadata == [
        TensorSpec("input0", DType.float32, Shape(["n", 2])),
        TensorSpec("input1", DType.float32, Shape(["n"])),
    ]
    assert [str(s.shape) for s in model.output_metadata] == ["[n, 1]", "[1]"]


def refusal_of(*inputs: object) -> str:
    """What the model says of inputs."""
    with pytest.raises(ValueError, match="sums") as caught:
        make_model()(*inputs)
    return str(caught.value)


def test_inputs_that_do_not_fit() -> None:
    assert refusal_of(ones(3, 2)) == "sums takes 2 inputs, got 1"
    assert refusal_of(*[ones(1)] * 3) == "sums takes 2 inputs, got 3"
    message = refusal_of(ones(3, 2).astype(np.float64), ones(3))
    assert message == "input 0 of sums must be float32 [n, 2], got float64 [3, 2]"
    assert "must be float32 [n, 2], got float32 [3, 3]" in refusal_of(ones(3, 3), ones(3))
    assert "must be float32 [n, 2], got float32 [2]" in refusal_of(ones(2), ones(3))
    message = refusal_of(ones(3, 2), ones(4))
    assert message == "input 1 of sums must be float32 [n] with {'n': 3}, got float32 [4]"


def test_other_things_are_no_inputs() -> None:
    with pytest.raises(TypeError, match=r"expected an array .* got list"):
        make_model()([1.0], ones(3))


def test_computed_sizes_are_checked() -> None:
    types = [
        TensorType(DType.float32, [Dim("n") * 2], CPU()),
        TensorType(DType.float32, ["n"], CPU()),
    ]
    model = InferenceSession().load(Graph("g", lambda x, y: [x, y], types))
    assert len(model(ones(6), ones(3))) == 2
    with pytest.raises(ValueError, match=r"the inputs of g have '2\*n' = 5, which does not fit"):
        model(ones(5), ones(3))


def test_a_size_is_told_by_its_multiple() -> None:
    types = [TensorType(DType.float32, [Dim("n") * 4 + 1], CPU())]
    model = InferenceSession().load(Graph("g", lambda x: x[1:].reshape([Dim("n"), 4]), types))
    assert model(ones(9))[0].shape == (2, 4)
    with pytest.raises(ValueError, match=r"= 10, which does not fit"):
        model(ones(10))


def test_numbers_are_inputs_without_axes() -> None:
    model = InferenceSession().load(
        Graph("g", lambda x: x + 1, [TensorType(DType.int64, [], CPU())])
    )
    assert model(3)[0].item() == 4
    assert model.input_devices == model.output_devices == [CPU()]


def test_inputs_on_other_devices_are_refused() -> None:
    gpu = Device(0, "gpu")
    graph = Graph("g", lambda x: x, [TensorType(DType.float32, ["n"], gpu)])
    model = InferenceSession([gpu]).load(graph)
    with pytest.raises(ValueError, match="input 0 of g must be on gpu:0, but is on cpu:0: move it"):
        model(ones(3))


def test_inputs_on_another_gpu_are_refused() -> None:
    gpu = Device(1, "gpu")
    graph = Graph("g", lambda x: x, [TensorType(DType.float32, ["n"], gpu)])
    model = InferenceSession([gpu]).load(graph)
    with FakeTensorMode():
        x = torch.empty(3, device="cuda:0")
    with pytest.raises(ValueError, match="must be on gpu:1, but is on gpu:0: move it"):
        model(x)


def test_only_graphs_of_the_host_are_replayed() -> None:
    gpu = Device(0, "gpu")
    types = [TensorType(DType.float32, ["n"], CPU()), TensorType(DType.float32, ["n"], gpu)]
    for used, is_replayed in ((types[:1], True), (types, False)):
        graph = Graph("g", lambda x, *others: (x + x) * x, used)
        assert (InferenceSession([gpu]).load(graph).replayed.replays is not None) is is_replayed


def test_inputs_stay_as_they_are() -> None:
    x = ones(3, 2)
    make_model()(x, ones(3))
    assert (x == 1).all()
