"""The C structs of `include/elementwise.h`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import torch

from max.kernels.element_types import FLOAT_TYPES


class ElementwiseOperand(ctypes.Structure):
    """A tensor as rows of elements."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("row_stride", ctypes.c_int64),
        ("stride", ctypes.c_int64),
        ("type", ctypes.c_int64),
    )


class ElementwiseArgs(ctypes.Structure):
    """All of a call of `max::elementwise` or `max::gated`."""

    _fields_ = (
        ("a", ElementwiseOperand),
        ("b", ElementwiseOperand),
        ("out", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("dim", ctypes.c_int64),
        ("numbers", ctypes.c_float * 2),
        ("function", ctypes.c_int32),
        ("type", ctypes.c_int32),
    )


class _Axis(NamedTuple):
    size: int
    strides: tuple[int, ...]  # of each operand, in elements


def make_args(operands: Sequence[torch.Tensor], shape: Sequence[int]) -> ElementwiseArgs | None:
    """The operands' part of the arguments.

    Args:
        operands: one or two; broadcast to `shape`.
        shape: of the result.

    Returns:
        None if the operands are not rows of elements, or of one element each: then they have to be
        made contiguous.
    """
    strides = zip(*(each.expand(shape).stride() for each in operands), strict=True)
    axes = _merged([_Axis(*axis) for axis in zip(shape, strides, strict=True)])
    one = _Axis(1, (0,) * len(operands))
    *_, rows, columns = one, one, *axes
    if len(axes) > 2 or any(stride not in (0, 1) for stride in columns.strides):
        return None
    args = ElementwiseArgs(rows=rows.size, dim=columns.size)
    for i, (place, each) in enumerate(zip((args.a, args.b), operands, strict=False)):
        place.data, place.type = each.data_ptr(), FLOAT_TYPES[each.dtype]
        place.row_stride, place.stride = rows.strides[i], columns.strides[i]
    return args


def _merged(axes: Sequence[_Axis]) -> list[_Axis]:
    """The same elements in the same order with as few axes as there can be."""
    merged: list[_Axis] = []
    for axis in axes:
        if axis.size == 1:
            continue
        if merged and all(
            outer == inner * axis.size
            for outer, inner in zip(merged[-1].strides, axis.strides, strict=True)
        ):
            axis = _Axis(merged.pop().size * axis.size, axis.strides)
        merged.append(axis)
    return merged
