"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.layouts.panels import ENCODINGS, Panels
from max.kernels.packed_linear.cpu import products_function, workspace_of_row
from max.kernels.recording import Empty, KernelCall, Record, Recording, load_function


class _HeadLinearArgs(ctypes.Structure):
    """The C struct of `include/head_linear.h`."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("packed", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("heads", ctypes.c_int64),
        ("in_features", ctypes.c_int64),
        ("out_features", ctypes.c_int64),
        ("x_stride", ctypes.c_int64),
        ("head_stride", ctypes.c_int64),
        ("bytes", ctypes.c_int64),
        ("products", ctypes.c_void_p),
        ("workspace", ctypes.c_void_p),
        ("row_bytes", ctypes.c_int64),
        ("encoding", ctypes.c_int64),
        ("grid", ctypes.c_void_p),
        ("type", ctypes.c_int32),
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
        row_bytes = workspace_of_row(x.dtype, panels)
        workspace = empty((rows * heads, row_bytes), torch.uint8)
        out = empty((rows, heads * out_features), x.dtype)
        args = _HeadLinearArgs(
            x.data_ptr(),
            weight.data_ptr(),
            out.data_ptr(),
            rows,
            heads,
            in_features,
            out_features,
            x.stride(0),
            x.shape[1] // heads,
            panels.nbytes,
            products,
            workspace.data_ptr(),
            row_bytes,
            ENCODINGS[encoding],
            panels.grid,
            ELEMENT_TYPES[x.dtype],
        )
        return Recording(out, KernelCall(function, args, workspace))

    return record
