"""The C structs of `include/elementwise.h`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch

from max.kernels.c_struct import int32s, int64s, pointers
from max.kernels.element_types import FLOAT_TYPES
from max.kernels.elementwise.rows import rows_of


class ElementwiseOperand(ctypes.Structure):
    """A tensor as rows of elements."""

    _fields_ = (*pointers("data"), *int64s("row_stride", "stride", "type"))


class ElementwiseArgs(ctypes.Structure):
    """All of a call of `max::elementwise` or `max::gated`."""

    _fields_ = (
        ("a", ElementwiseOperand),
        ("b", ElementwiseOperand),
        *pointers("out"),
        *int64s("rows", "dim"),
        ("numbers", ctypes.c_float * 2),
        *int32s("function", "type"),
    )


def make_args(operands: Sequence[torch.Tensor], shape: Sequence[int]) -> ElementwiseArgs | None:
    """The operands' part of the arguments.

    Args:
        operands: one or two; broadcast to `shape`.
        shape: of the result.

    Returns:
        None if the operands are not rows of elements, or of one element each: then they have to be
        made contiguous.
    """
    rows = rows_of(operands, shape)
    if rows is None:
        return None
    args = ElementwiseArgs(rows=rows.rows, dim=rows.dim)
    for i, (place, each) in enumerate(zip((args.a, args.b), operands, strict=False)):
        place.data, place.type = each.data_ptr(), FLOAT_TYPES[each.dtype]
        place.row_stride, place.stride = rows.row_strides[i], rows.strides[i]
    return args
