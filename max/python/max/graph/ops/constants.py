"""Values that are known while the graph is built, or computed from sizes alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from max.driver import Buffer, Device
from max.dtype import DType
from max.graph.call import call
from max.graph.dim import Dim, DimLike
from max.graph.graph import Graph
from max.graph.ops.arguments import as_operand, dtype_of, fail, is_scalar
from max.graph.ops.casting import cast
from max.graph.ops.rebinding import rebind
from max.graph.shape import ShapeLike
from max.graph.tensor_value import TensorValue
from max.graph.type import DeviceRef

_DEFAULT_DTYPES = {bool: DType.bool, int: DType.int64, float: DType.float32}


def constant(
    value: Any,
    dtype: DType | None = None,
    device: DeviceRef | Device | None = None,
) -> TensorValue:
    """A tensor of elements that are known now.

    Args:
        value: a number, nested lists of numbers, or an array (numpy, torch, Buffer, DLPack).
        dtype: the element type; an array's own, else bool, int64 or float32 by the numbers.
        device: where it lives; the host unless given.

    Raises:
        ValueError: if the numbers do not fit the dtype, or the lists are ragged.
    """
    where = DeviceRef.CPU() if device is None else DeviceRef.from_device(device)
    tensor = _tensor_of(value, dtype).to(where.to_torch())
    graph = Graph.current_or_none()
    return TensorValue(tensor) if graph is None else graph.add_constant(tensor)


def _tensor_of(value: Any, dtype: DType | None) -> torch.Tensor:
    if isinstance(value, TensorValue):
        fail("constant", "this is a value already, not elements; see ops.cast", value)
    if isinstance(value, np.generic | np.ndarray):
        tensor = torch.from_numpy(np.array(value))
        return tensor if dtype is None else tensor.to(dtype.to_torch())
    if isinstance(value, int | float | list | tuple):
        return _tensor_of_numbers(value, dtype)
    tensor = Buffer.from_dlpack(value).tensor
    return tensor if dtype is None else tensor.to(dtype.to_torch())


def _tensor_of_numbers(value: Any, dtype: DType | None) -> torch.Tensor:
    try:
        found = np.array(value)
    except ValueError as error:
        fail("constant", f"the lists are ragged: {error}")
    if found.dtype == object:
        fail("constant", f"expected numbers, got {value!r}")
    default = DType.float32 if found.size == 0 else _DEFAULT_DTYPES.get(type(found.flat[0].item()))
    dtype = dtype or default
    if dtype is None:
        fail("constant", f"expected numbers, got {value!r}")
    if found.dtype.kind == "f" and dtype.is_integral() and found.size:
        fail("constant", f"{value!r} are not values of {dtype}: round them, or give a float dtype")
    if dtype.is_integral() and found.size:
        limits = torch.iinfo(dtype.to_torch())
        if found.min() < limits.min or found.max() > limits.max:
            fail("constant", f"{value!r} does not fit {dtype}, [{limits.min}, {limits.max}]")
    return torch.tensor(value, dtype=dtype.to_torch())


def range(
    start: Any,
    stop: Any,
    step: Any = 1,
    out_dim: DimLike | None = None,
    *,
    dtype: DType | None = None,
    device: DeviceRef | Device | None = None,
) -> TensorValue:
    """`start, start + step, ...` up to, but without, `stop`; rank 1.

    Args:
        start: a number or Dim, or a tensor of rank 0.
        stop: likewise.
        step: likewise; not 0.
        out_dim: the result's size; needed when a bound is a tensor.
        dtype: the element type; int64, or float32 when a bound is a float.
        device: where the result lives; the host unless given.
    """
    bounds = [as_operand("range", Dim(b) if isinstance(b, str) else b) for b in (start, stop, step)]
    where = DeviceRef.CPU() if device is None else DeviceRef.from_device(device)
    if isinstance(step, int | float) and step == 0:
        fail("range", "step is 0", *bounds)
    if dtype is None:
        tensors = [dtype_of(b) for b in bounds if not is_scalar(b)]
        default = DType.float32 if any(isinstance(b, float) for b in bounds) else DType.int64
        dtype = tensors[0] if tensors else default
    if out_dim is None and not all(is_scalar(b) for b in bounds):
        fail("range", "give out_dim: a bound is only known when the model runs", *bounds)
    result = call("range", aranged, *bounds, _signed(dtype).to_torch(), where.to_torch())
    result = cast(result, dtype)
    return result if out_dim is None else rebind(result, [out_dim])


def _signed(dtype: DType) -> DType:
    """Unsigned ranges are counted in int64: torch has no unsigned one."""
    return DType.int64 if dtype.is_integral() else dtype


def aranged(*bounds_dtype_and_device: Any) -> torch.Tensor:
    """`torch.arange` with bounds that may be tensors of rank 0."""
    start, stop, step, dtype, device = bounds_dtype_and_device
    if not isinstance(step, torch.Tensor):
        first, end = (b.item() if isinstance(b, torch.Tensor) else b for b in (start, stop))
        return torch.arange(first, end, step, dtype=dtype, device=device)
    # The sign of the step, on which torch's own depends, is not known while a graph is built.
    start, stop, step = (torch.as_tensor(b, device=device) for b in (start, stop, step))
    count = torch.ceil((stop - start) / step).clamp(min=0).to(torch.int64).item()
    torch._check(count >= 0)
    numbers = torch.arange(count, dtype=dtype, device=device)
    return torch.add(numbers * step.to(dtype), start.to(dtype))


def shape_to_tensor(shape: ShapeLike) -> TensorValue:
    """The sizes as an int64 tensor on the host; shape [rank]."""
    return call("shape_to_tensor", tensor_of_sizes, [Dim(d) for d in shape])


def tensor_of_sizes(sizes: Sequence[int]) -> torch.Tensor:
    """`torch.tensor(sizes)`, for symbolic sizes too."""
    return torch.cat([torch.empty(0, dtype=torch.int64), *(torch.full((1,), s) for s in sizes)])
