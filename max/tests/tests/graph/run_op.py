"""Runs an op in the three ways there are, and holds them against each other and a reference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.graph import Graph, StaticDim, TensorType, TensorValue

FLOATS = (DType.float32, DType.bfloat16)
INTEGERS = (DType.int32, DType.int64, DType.uint32)
NUMBERS = FLOATS + INTEGERS
SHAPES = ((3, 5), (1, 7), (0, 4), (17, 1))


def make_tensor(
    shape: Sequence[int], dtype: DType = DType.float32, low: int = 0, high: int = 9, seed: int = 0
) -> torch.Tensor:
    """Random elements in [low, high): of floats quarters, which bfloat16 has exactly."""
    quarters = np.random.default_rng(seed).integers(4 * low, 4 * high, tuple(shape))
    values = torch.from_numpy(np.asarray(quarters)) / 4
    if dtype is DType.bool:
        return values % 1 >= 0.5
    return (values if dtype.is_float() else values.floor()).to(dtype.to_torch())


def type_of(tensor: torch.Tensor, symbolic: bool, static_axes: Collection[int]) -> TensorType:
    """The type of an input: symbolic sizes are named after their number, so equal ones match."""
    dims: list[int | str] = list(tensor.shape)
    for axis, size in enumerate(tensor.shape):
        if symbolic and size != 1 and not {axis, axis - tensor.ndim} & set(static_axes):
            dims[axis] = f"n{size}"
    return TensorType(DType.from_torch(tensor.dtype), dims, CPU())


def run_op(
    op: Callable[..., Any],
    *inputs: torch.Tensor,
    symbolic: bool = True,
    static_axes: Collection[int] = (),
) -> list[torch.Tensor]:
    """The results of `op(*inputs)`, which are the same at once and in graphs.

    Args:
        op: a function of tensors that gives one or several.
        inputs: what it is called with.
        symbolic: also try a graph whose sizes are symbolic.
        static_axes: the axes of which that graph knows the size.
    """
    at_once = [v.data for v in as_list(op(*(TensorValue(t) for t in inputs)))]
    for named in (False, True) if symbolic else (False,):
        types = [type_of(t, named, static_axes) for t in inputs]
        in_graph = run_graph(op, types, inputs)
        for a, b in zip(at_once, in_graph, strict=True):
            torch.testing.assert_close(b, a, rtol=0, atol=0, equal_nan=True)
    return at_once


def run_graph(
    op: Callable[..., Any], types: Sequence[TensorType], inputs: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """The results of a graph of `op`."""
    return run_model(InferenceSession().load(Graph("op", op, types)), inputs)


def run_model(model: Model, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The results of a model, which are of the types that it tells."""
    results = [b.tensor for b in model.execute(*inputs)]
    sizes = {
        str(dim): size
        for spec, tensor in zip(model.input_metadata, inputs, strict=True)
        for dim, size in zip(spec.shape, tensor.shape, strict=True)
    }
    for result, spec in zip(results, model.output_metadata, strict=True):
        assert spec.dtype is DType.from_torch(result.dtype)
        for dim, size in zip(spec.shape, result.shape, strict=True):
            told = dim.evaluated(sizes)
            known = isinstance(told, StaticDim)
            assert told == size or not known, f"the graph says {dim}, the size is {size}"
    return results


def as_list(result: Any) -> list[TensorValue]:
    """An op's result as a list."""
    return list(result) if isinstance(result, list | tuple) else [result]


def assert_op(
    op: Callable[..., Any],
    expected: torch.Tensor | npt.NDArray[Any] | Sequence[torch.Tensor | npt.NDArray[Any]],
    *inputs: torch.Tensor,
    symbolic: bool = True,
    static_axes: Collection[int] = (),
    rtol: float = 0.0,
    atol: float = 0.0,
) -> None:
    """Asserts that an op gives what is expected, dtype and shape included."""
    wanted = list(expected) if isinstance(expected, list | tuple) else [expected]
    results = run_op(op, *inputs, symbolic=symbolic, static_axes=static_axes)
    for result, want in zip(results, wanted, strict=True):
        tensor = torch.as_tensor(want)
        torch.testing.assert_close(result, tensor, rtol=rtol, atol=atol, equal_nan=True)


class Elements(NamedTuple):
    """What an elementwise op's input is filled with: see `make_tensor`."""

    dtype: DType
    low: int = 0
    high: int = 9


def assert_elementwise(
    op: Callable[..., Any],
    reference: Callable[..., torch.Tensor],
    *inputs: Elements,
    rtol: float = 0.0,
) -> None:
    """Asserts that an op is the reference for several shapes, at once and in one graph."""
    types = [TensorType(e.dtype, ["a", "b"], CPU()) for e in inputs]
    model = InferenceSession().load(Graph("op", op, types))
    for shape in SHAPES:
        tensors = [make_tensor(shape, *e, seed=i) for i, e in enumerate(inputs)]
        (in_graph,) = run_model(model, tensors)
        torch.testing.assert_close(in_graph, reference(*tensors), rtol=rtol, atol=0, equal_nan=True)
        at_once = op(*(TensorValue(t) for t in tensors)).data
        torch.testing.assert_close(at_once, in_graph, rtol=0, atol=0, equal_nan=True)


def by_numpy(function: Callable[..., Any]) -> Callable[..., torch.Tensor]:
    """A numpy function as one of tensors, in the dtype of the first; of bfloat16 by float32."""

    def of_tensors(*tensors: torch.Tensor) -> torch.Tensor:
        wide = [t.float() if t.dtype is torch.bfloat16 else t for t in tensors]
        return torch.as_tensor(function(*(t.numpy() for t in wide))).to(tensors[0].dtype)

    return of_tensors


def message_of(op: Callable[..., Any], *inputs: torch.Tensor) -> str:
    """The message with which an op refuses its inputs, the same at once and in a graph."""
    at_once = refusal(lambda: op(*(TensorValue(t) for t in inputs)))
    in_graph = refusal(lambda: Graph("op", op, [type_of(t, False, ()) for t in inputs]))
    assert at_once.splitlines()[0] == in_graph.splitlines()[0]
    assert __file__ in in_graph or "test_" in in_graph, "the message tells the caller's line"
    return in_graph


def refusal(call: Callable[[], Any]) -> str:
    """The message of the ValueError that a call raises."""
    try:
        result = call()
    except ValueError as error:
        return str(error)
    raise AssertionError(f"expected a ValueError, got {result}")
