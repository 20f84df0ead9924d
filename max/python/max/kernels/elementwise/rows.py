"""Operands of elementwise kernels as rows of elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch


class Rows(NamedTuple):
    """How the operands of a result [rows, dim] lie in memory; strides in elements.

    Attributes:
        rows: of the result.
        dim: elements of a row.
        row_strides: of each operand; 0 for one that is the same for all rows.
        strides: of each operand, 0 or 1.
    """

    rows: int
    dim: int
    row_strides: Sequence[int]
    strides: Sequence[int]


class _Axis(NamedTuple):
    size: int
    strides: tuple[int, ...]  # of each operand


def rows_of(operands: Sequence[torch.Tensor], shape: Sequence[int]) -> Rows | None:
    """The operands as rows; None if they are not, and have to be made contiguous.

    Args:
        operands: one or two; broadcast to `shape`.
        shape: of the result.
    """
    elements = operands[0].numel()
    if elements > 1 and all(x.shape == shape and x.is_contiguous() for x in operands):
        return Rows(1, elements, (0,) * len(operands), (1,) * len(operands))
    strides = zip(*(each.expand(shape).stride() for each in operands), strict=True)
    axes = _merged([_Axis(*axis) for axis in zip(shape, strides, strict=True)])
    one = _Axis(1, (0,) * len(operands))
    *_, rows, columns = one, one, *axes
    if len(axes) > 2 or any(stride not in (0, 1) for stride in columns.strides):
        return None
    return Rows(rows.size, columns.size, rows.strides, columns.strides)


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
