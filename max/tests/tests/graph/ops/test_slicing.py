"""Indexing against torch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import Dim, Graph, TensorType, TensorValue
from tests.graph.run_op import NUMBERS, assert_op, make_tensor, message_of

INDICES: list[Any] = [
    0,
    -1,
    -4,
    (None, 2),
    (None, -4, 1),
    slice(-4, None),
    slice(None),
    slice(1, 3),
    slice(-2, None),
    slice(None, -1),
    slice(7, 9),
    slice(None, None, 2),
    None,
    ...,
    (slice(None), 1),
    (..., -1),
    (1, ..., slice(0, 2)),
    (None, 0, ..., None),
    (slice(2, 2), slice(1, 2), slice(None)),
    (0, 1, 2),
]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indices_are_torchs(index: Any) -> None:
    a = make_tensor((4, 5, 3))
    assert_op(lambda x: x[index], a[index], a)


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
def test_slices_over_dtypes(dtype: DType) -> None:
    a = make_tensor((4, 5), dtype)
    assert_op(lambda x: x[1:, -1], a[1:, -1], a)


def test_slices_of_nothing() -> None:
    a = make_tensor((0, 5))
    assert_op(lambda x: x[1:, 2:4], a[1:, 2:4], a)


def test_slices_to_symbolic_dims() -> None:
    a, table = make_tensor((3, 2)), make_tensor((8, 2), seed=1)
    assert_op(lambda x, t: x + t[: x.shape[0]].rebind(x.shape), a + table[:3], a, table)


@pytest.mark.parametrize("dtype", [DType.int32, DType.int64, DType.uint32], ids=str)
def test_tensors_are_indices(dtype: DType) -> None:
    a = make_tensor((4, 5, 3))
    rows = torch.tensor([[3, 0], [1, 1]], dtype=dtype.to_torch())
    assert_op(lambda x, i: x[i], a[rows.long()], a, rows)
    assert_op(lambda x, i: x[:, i], a[:, rows.long()], a, rows)
    last = torch.tensor(2, dtype=dtype.to_torch())
    assert_op(lambda x, i: x[..., i], a[..., 2], a, last)


def test_a_new_axis_moves_what_comes_after_it() -> None:
    a, rows = make_tensor((4, 5)), torch.tensor([3, 0, 1])
    assert_op(lambda x, i: x[None, i], a[None, rows], a, rows)
    assert_op(lambda x, i: x[0, None, i], a[0, None, rows], a, rows)
    assert_op(lambda x, i: x[..., None, i], a[..., None, rows], a, rows)
    types = [TensorType(DType.float32, ["n", 8], CPU())]
    graph = Graph("g", lambda x: x[None, (slice(1, None), "rest")], types)
    assert graph.output_types is not None
    assert graph.output_types[0].shape == [1, "rest", 8]


def test_results_sizes_can_be_named() -> None:
    types = [TensorType(DType.float32, ["n", 8], CPU())]
    graph = Graph("g", lambda x: x[(slice(1, None), "rest"), (slice(2, 5), 3)], types)
    assert graph.output_types is not None
    assert graph.output_types[0].shape == ["rest", 3]
    graph = Graph("g", lambda x: x[(slice(1, None), "rest")], types)
    assert graph.output_types is not None
    assert graph.output_types[0].shape == ["rest", 8]
    a = make_tensor((4, 8))
    assert_op(lambda x: x[None, 0, (slice(2, 5), "three")], a[None, 0, 2:5], a)


def test_known_results_of_symbolic_slices() -> None:
    types = [TensorType(DType.float32, ["n", 8], CPU())]
    graph = Graph("g", lambda x: x[: Dim("n")][:, 6:], types)
    assert graph.output_types is not None
    assert graph.output_types[0].shape == ["n", 2]


def test_refusals() -> None:
    a = make_tensor((4, 5))
    assert "ops.slice_tensor: 3 indices for 2 axes" in message_of(lambda x: x[0, 0, 0], a)
    assert "index 4 is out of range of axis 0, size 4" in message_of(lambda x: x[4], a)
    assert "index -6 is out of range of axis 1" in message_of(lambda x: x[..., -6], a)
    assert "the step must be positive, got -1" in message_of(lambda x: x[::-1], a)
    assert "more than one '...'" in message_of(lambda x: x[..., 0, ...], a)
    assert "an index must be integers, got float32" in message_of(lambda x: x[x], a)
    assert "use ops.nonzero" in message_of(lambda x: x[x > 0], a)
    assert "expected a tensor or a number, got str" in message_of(lambda x: x["a"], a)


def test_len_is_the_first_size() -> None:
    assert len(TensorValue(torch.ones(3, 2))) == 3
    assert_op(lambda x: x * len(x), torch.full((3,), 3.0), torch.ones(3), symbolic=False)
    with pytest.raises(TypeError, match="dim 'n' is not a number until the model runs"):
        Graph("g", lambda x: x * len(x), [TensorType(DType.float32, ["n"], CPU())])
