"""The layout of packed weights: panels of 64 outputs.

`packed[p, g, r, e]` is element `g * per_group + e` of the weight's row `p * 64 + r`. A group is
four bytes: one float32, or two of 16 bits. A vector then holds the same group of several outputs,
and a panel is one sequential stream. Rows and elements that the weight does not have are zero.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import torch

from max.kernels.element_types import ELEMENT_TYPES, WEIGHT_TYPES
from max.kernels.memory import empty_in_huge_pages
from max.kernels.native import load_kernel
from max.kernels.packed_linear.structs import PackRowsArgs
from max.kernels.packing_pieces import ignore_rows, pieces
from max.kernels.thread_pool import pool_handle

PANEL = 64
_GROUP_BYTES = 4


def can_pack(dtype: torch.dtype) -> bool:
    """Whether layers that compute in this dtype have kernels for packed weights."""
    return dtype in ELEMENT_TYPES


def packed_shape(rows: int, columns: int, dtype: torch.dtype) -> tuple[int, int, int, int]:
    """The shape of a packed weight [rows, columns]."""
    per_group = _GROUP_BYTES // dtype.itemsize
    return math.ceil(rows / PANEL), math.ceil(columns / per_group), PANEL, per_group


def pack(weight: torch.Tensor, on_read: Callable[[int], None] = ignore_rows) -> torch.Tensor:
    """Packs a weight.

    Args:
        weight: float32, bfloat16 or float16 [out_features, in_features], on the host.
        on_read: told now and then how many of the first rows are packed.

    Returns:
        A copy in panels, [panels, groups, 64, elements of a group].
    """
    rows, columns = weight.shape
    packed = empty_in_huge_pages(packed_shape(rows, columns, weight.dtype), weight.dtype)
    library = load_kernel("packed_linear")
    if library is None:
        _pack_in_torch(weight, packed)
        on_read(rows)
        return packed
    if weight.stride(1) != 1:
        weight = weight.contiguous()
    for first, last in pieces(rows, columns * weight.element_size(), PANEL):
        args = PackRowsArgs(
            weight[first:last].data_ptr(),
            last - first,
            columns,
            weight.stride(0),
            packed[first // PANEL :].data_ptr(),
            WEIGHT_TYPES[weight.dtype],
        )
        library.packed_linear_pack(ctypes.byref(args), ctypes.c_void_p(pool_handle()))
        on_read(last)
    return packed


def unpack(packed: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """The weight [rows, columns] of a packed one: a copy."""
    return packed.permute(0, 2, 1, 3).flatten(2).flatten(0, 1)[:rows, :columns].contiguous()


def _pack_in_torch(weight: torch.Tensor, packed: torch.Tensor) -> None:
    panels, groups, _, per_group = packed.shape
    padded = weight.new_zeros(panels * PANEL, groups * per_group)
    padded[: weight.shape[0], : weight.shape[1]] = weight
    packed.copy_(padded.view(panels, PANEL, groups, per_group).permute(0, 2, 1, 3))
