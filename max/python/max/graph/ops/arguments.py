"""Checks of ops' arguments: dtypes, axes, and which shapes go together."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any, NoReturn

import numpy as np
import torch

from max.driver import Buffer
from max.dtype import DType
from max.graph.dim import Dim, StaticDim
from max.graph.errors import op_error
from max.graph.shape import Shape
from max.graph.value import Value
from max.graph.weight import Weight

_WIDE_UNSIGNED = (DType.uint16, DType.uint32, DType.uint64)


def fail(op: str, reason: str, *operands: object) -> NoReturn:
    """Raises the error of an op that cannot be built."""
    raise ValueError(op_error(op, reason, operands))


def is_scalar(x: object) -> bool:
    """Whether `x` is a number without a dtype of its own, which takes that of the tensors."""
    return isinstance(x, Number | Dim) and not isinstance(x, np.generic)


def as_operand(op: str, x: Any) -> Any:
    """`x` as `call` takes it; numpy's scalars become Python's.

    Raises:
        ValueError: if it is no tensor and no number.
    """
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return torch.from_numpy(x)
    if isinstance(x, Value | Weight | torch.Tensor | Buffer) or is_scalar(x):
        return x
    fail(op, f"expected a tensor or a number, got {type(x).__name__}; see ops.constant", x)


def as_tensor(op: str, x: Any) -> Any:
    """`x` as `call` takes it.

    Raises:
        ValueError: if it is not a tensor.
    """
    x = as_operand(op, x)
    if is_scalar(x):
        fail(op, f"expected a tensor, got the number {x}; see ops.constant")
    return x


def shape_of(x: Any) -> Shape:
    """The shape of an operand; that of a number is empty."""
    return Shape() if is_scalar(x) else Shape(x.shape)


def dtype_of(x: Any) -> DType:
    """The element type of a tensor operand."""
    return DType.from_torch(x.dtype) if isinstance(x, torch.Tensor) else DType(x.dtype)


def is_wide_unsigned(x: Any) -> bool:
    """Whether `x` holds unsigned integers that torch cannot compute with on a CPU."""
    return not is_scalar(x) and dtype_of(x) in _WIDE_UNSIGNED


def common_dtype(op: str, *operands: Any) -> DType:
    """The dtype that all tensors among the operands have and that the numbers fit.

    Raises:
        ValueError: if two tensors' dtypes differ, or a number needs a cast.
    """
    tensors = [x for x in operands if not is_scalar(x)]
    dtypes = list(dict.fromkeys(dtype_of(x) for x in tensors))
    if not dtypes:
        fail(op, "needs a tensor among its operands; make one with ops.constant", *operands)
    if len(dtypes) > 1:
        names = " and ".join(map(str, dtypes))
        fail(op, f"operands have different dtypes, {names}: cast one of them", *operands)
    for x in operands:
        if is_scalar(x) and not _fits(x, dtypes[0]):
            fail(op, f"{x!r} is not a value of {dtypes[0]}: cast the tensor", *operands)
    return dtypes[0]


def _fits(number: Any, dtype: DType) -> bool:
    if dtype is DType.bool:
        return isinstance(number, bool)
    if dtype.is_float():
        return not isinstance(number, complex)
    if isinstance(number, Dim) and not isinstance(number, StaticDim):
        return True
    if not isinstance(number, int | Dim):
        return False
    limits = torch.iinfo(dtype.to_torch())
    return limits.min <= int(number) <= limits.max


def require_float(op: str, *operands: Any) -> None:
    """Raises ValueError unless all tensors among the operands are of floating point."""
    for x in operands:
        if not is_scalar(x) and not dtype_of(x).is_float():
            fail(op, f"needs a floating-point tensor, got {dtype_of(x)}: cast it", *operands)


def require_integral(op: str, name: str, x: Any) -> None:
    """Raises ValueError unless the tensor's elements are integers."""
    if not dtype_of(x).is_integral():
        fail(op, f"{name} must be integers, got {dtype_of(x)}", x)


def require_same_device(op: str, *operands: Any) -> None:
    """Raises ValueError unless all tensors among the operands are on one device."""
    devices = list(dict.fromkeys(str(x.device) for x in operands if not is_scalar(x)))
    if len(devices) > 1:
        fail(op, f"operands are on {' and '.join(devices)}: move one with .to(device)", *operands)


def axis_of(op: str, axis: int, rank: int, *operands: object) -> int:
    """The axis counted from the front.

    Raises:
        ValueError: if there is no such axis.
    """
    if isinstance(axis, bool) or not isinstance(axis, int):
        fail(op, f"axis must be an int, got {axis!r}", *operands)
    if not -rank <= axis < rank:
        allowed = f"[{-rank}, {rank - 1}]" if rank else "none: it has no axes"
        fail(op, f"axis {axis} is out of range; allowed: {allowed}", *operands)
    return axis % rank


def broadcast_shape(op: str, *operands: Any) -> Shape:
    """The shape that the operands have when axes of size 1 are repeated.

    Raises:
        ValueError: if two sizes differ and neither is 1, or cannot be told to be equal.
    """
    return broadcast_dims(op, [shape_of(x) for x in operands], operands)


def broadcast_dims(op: str, shapes: Sequence[Sequence[Dim]], operands: Sequence[object]) -> Shape:
    """`broadcast_shape` of some axes of the operands."""
    result: list[Dim] = []
    for axis in range(-max(map(len, shapes)), 0):
        dims = [s[axis] for s in shapes if len(s) >= -axis]
        result.append(_common_dim(op, dims, axis, operands))
    return Shape(result)


def _common_dim(op: str, dims: Sequence[Dim], axis: int, operands: Sequence[object]) -> Dim:
    one = Dim(1)
    distinct = list(dict.fromkeys(d for d in dims if d != one))
    if len(distinct) <= 1:
        return distinct[0] if distinct else one
    reason = f"cannot broadcast axis {axis}: sizes '{distinct[0]}' and '{distinct[1]}' differ"
    if not all(isinstance(d, StaticDim) for d in distinct):
        reason += "; if they are equal when the model runs, say so with ops.rebind"
    fail(op, reason, *operands)
