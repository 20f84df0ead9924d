"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, int32s, int64s, pointers
from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.layouts.panels import ENCODINGS, Panels
from max.kernels.packed_linear.cpu import products_function, workspace_of_row
from max.kernels.recording import Empty, KernelCall, Record, Recording, load_function


class _HeadLinearArgs(CStruct):
    """The C struct of `include/head_linear.h`."""

    _fields_ = (
        *pointers("x", "packed", "out"),
        *int64s("rows", "heads", "in_features", "out_features", "x_stride", "head_stride", "bytes"),
        *pointers("products", "workspace"),
        *int64s("row_bytes", "encoding"),
        *pointers("grid"),
        *int32s("type"),
    )


def make_head_linear_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function, products = load_function("head_linear", isa), products_function(isa)
    if function is None or products is None:
        return None

    def record(
        empty: Empty,
        x: torch.Tensor,
        weight: torch.Tensor,
        heads: int,
        in_features: int,
        out_features: int,
        encoding: str,
        is_packed: bool,
    ) -> Recording | None:
        if not is_packed or x.dtype not in ELEMENT_TYPES or x.stride(1) != 1:
            return None
        panels = Panels(out_features, in_features, encoding)
        rows = len(x)
        row_bytes = workspace_of_row(panels)
        workspace = empty((rows * heads, row_bytes), torch.uint8)
        out = empty((rows, heads * out_features), x.dtype)
        args = _HeadLinearArgs(
            x,
            weight,
            out,
            rows,
            heads,
            in_features,
            out_features,
            x.stride(0),
            x.shape[1] // heads,
            panels.nbytes,
            products,
            workspace,
            row_bytes,
            ENCODINGS[encoding],
            panels.grid,
            ELEMENT_TYPES[x.dtype],
        )
        return Recording(out, KernelCall(function, args, workspace))

    return record
