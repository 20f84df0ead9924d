"""Shape checking asks torch once for each kind of operands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from max.dtype import DType
from max.graph import DeviceRef, Graph, TensorType, ops
from max.graph.call import call

CPU = DeviceRef.CPU()


def counted(calls: list[tuple[int, ...]]) -> Callable[[torch.Tensor, float], torch.Tensor]:
    def double(x: torch.Tensor, by: float) -> torch.Tensor:
        calls.append(tuple(x.shape))
        return x * by

    return double


def test_an_op_is_tried_once_for_a_type() -> None:
    calls: list[tuple[int, ...]] = []
    double = counted(calls)
    with Graph("g", input_types=[TensorType(DType.float32, ("rows", 4), CPU)] * 2) as graph:
        a, b = (x.tensor for x in graph.inputs)
        results = [call("double", double, x, 2.0) for x in (a, b, call("double", double, a, 2.0))]
        assert len(calls) == 1
        assert all(r.shape == a.shape for r in results)
        call("double", double, a, 2)
        call("double", double, ops.transpose(a, 0, 1), 2.0)
        call("double", double, ops.cast(a, DType.bfloat16), 2.0)
        assert len(calls) == 4, "a number of another type, another shape, another dtype"


def test_sizes_that_the_data_decides_are_new_each_time() -> None:
    with Graph("g", input_types=[TensorType(DType.float32, ("rows",), CPU)]) as graph:
        (x,) = (x.tensor for x in graph.inputs)
        first, second = (call("nonzero", torch.nonzero, x) for _ in range(2))
        assert first.shape[0] != second.shape[0]


def test_an_error_is_an_error_again() -> None:
    with Graph("g", input_types=[TensorType(DType.float32, (2, 3), CPU)]) as graph:
        (x,) = (x.tensor for x in graph.inputs)
        for _ in range(2):
            with pytest.raises(ValueError, match="matmul"):
                ops.matmul(x, x)
