"""Shape checking asks torch once for each kind of operands."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from max.dtype import DType
from max.graph import DeviceRef, Graph, TensorType, ops
from max.graph.call import call
from max.graph.fakes import Fakes

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


def look(value: Any) -> Any:
    """What is told of a result: of tensors their type and layout."""
    if isinstance(value, list | tuple):
        return [look(item) for item in value]
    if not isinstance(value, torch.Tensor):
        return value
    return (value.shape, value.stride(), value.storage_offset(), value.dtype, value.device)


def made(dtype: torch.dtype = torch.float32, device: str = "cpu") -> torch.Tensor:
    return torch.empty(4, 6, dtype=dtype, device=device)


# Calls of one function that differ in one thing, and their results with it.
PAIRS: list[tuple[Callable[..., Any], list[tuple[list[Any], dict[str, Any]]]]] = [
    (torch.neg, [([made()], {}), ([made(torch.float64)], {})]),
    (torch.neg, [([made()], {}), ([made(device="meta")], {})]),
    (torch.neg, [([made()], {}), ([made()[:, :3]], {}), ([made()[:3]], {})]),
    (torch.neg, [([made()], {}), ([torch.empty(6, 4).T], {})]),
    (torch.squeeze, [([made()[0]], {}), ([made()[2]], {})]),
    (torch.sum, [([made()], {"dim": 0}), ([made()], {"dim": 1}), ([made()], {})]),
    (torch.sum, [([made()], {"dim": 0}), ([made()], {"dim": 0, "keepdim": True})]),
    (torch.cat, [([[made(), made()]], {}), ([[made()]], {}), ([[made()[:1], made()]], {})]),
    (torch.cat, [([], {"tensors": [made()]}), ([], {"tensors": [made(), made()]})]),
    (torch.add, [([made(torch.int64), 1], {}), ([made(torch.int64), 1.0], {})]),
    (
        operator.getitem,
        [
            ([made(), (slice(start, stop, step), slice(None))], {})
            for start, stop, step in [(0, 2, 1), (1, 3, 1), (0, 3, 1), (0, 3, 2), (None, 2, None)]
        ],
    ),
    (torch.split, [([made(), 2], {}), ([made(), 3], {}), ([made(), [1, 3]], {"dim": 0})]),
]


@pytest.mark.parametrize(("target", "calls"), PAIRS)
def test_calls_that_differ_are_told_apart(
    target: Callable[..., Any], calls: list[tuple[list[Any], dict[str, Any]]]
) -> None:
    fakes = Fakes()
    with FakeTensorMode(allow_non_fake_inputs=True):
        found = [look(fakes.run(target, args, options)) for args, options in calls]
        again = [look(fakes.run(target, args, options)) for args, options in calls]
        expected = [look(target(*args, **options)) for args, options in calls]
    assert found == again == expected


def test_there_is_one_tensor_of_a_type() -> None:
    fakes = Fakes()
    with FakeTensorMode():
        made = fakes.empty([4, 6], torch.float64, torch.device("meta"))
        assert look(made) == look(torch.empty(4, 6, dtype=torch.float64, device="meta"))
        assert fakes.empty([4, 6], torch.float64, torch.device("meta")) is made
        for sizes, dtype, device in [
            ([6, 4], torch.float64, "meta"),
            ([4, 6], torch.float32, "meta"),
            ([4, 6], torch.float64, "cpu"),
        ]:
            other = fakes.empty(sizes, dtype, torch.device(device))
            assert look(other) == look(torch.empty(sizes, dtype=dtype, device=device))
        assert fakes.run(torch.neg, [made], {}) is fakes.run(torch.neg, [made], {}) is made


def test_options_count_where_the_data_decides_sizes() -> None:
    with Graph("g", input_types=[TensorType(DType.float32, ("rows", 2), CPU)]) as graph:
        (x,) = (x.tensor for x in graph.inputs)
        rows = call("nonzero", torch.nonzero, x)
        found = call("nonzero", by_option, x, kept=x)
        assert str(found.shape[1]) == "2" and found.shape[0] != rows.shape[0]


def by_option(x: torch.Tensor, *, kept: torch.Tensor) -> torch.Tensor:
    return torch.nonzero(x * kept)
