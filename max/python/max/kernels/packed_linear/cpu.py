"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch

from max.kernels.c_struct import CStruct, int32s, int64s, pointers
from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.layouts.panels import BLOCK_UNITS, ENCODINGS, Panels
from max.kernels.native import load_kernel
from max.kernels.recording import CFunction, Empty, KernelCall, Recording, kernel_record

_BLOCK = 32
_BYTES_PER_BLOCK = 52  # of include/quantized_activations.h
_GROUP_BYTES = 4


class _PackedWeight(CStruct):
    """One weight that is multiplied; of `include/packed_linear.h`, as the next."""

    _fields_ = (
        *pointers("packed", "bias", "out"),
        *int64s("out_features", "out_stride"),
        *pointers("grid"),
        *int32s("encoding"),
    )


class _PackedLinearArgs(CStruct):
    """All of a call."""

    _fields_ = (
        *pointers("x"),
        *int64s("rows", "in_features", "x_stride"),
        *pointers("weights"),
        *int64s("num_weights"),
        *pointers("workspace"),
        *int32s("type"),
    )


def _record(
    function: CFunction,
    empty: Empty,
    x: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor | None],
    out_features: Sequence[int],
    encodings: Sequence[str],
) -> Recording | None:
    in_features = x.shape[-1]
    rows = x if x.ndim == 2 else x.reshape(-1, in_features) if x.is_contiguous() else None
    if rows is None or rows.stride(1) != 1 or x.dtype not in ELEMENT_TYPES:
        return None
    results = [empty((*x.shape[:-1], n), x.dtype) for n in out_features]
    row_bytes = workspace_of_row(Panels(0, in_features, encodings[0]))
    workspace = empty((len(rows), row_bytes), torch.uint8)
    targets = (_PackedWeight * len(weights))(
        *(
            _PackedWeight(w, b, out, n, n, Panels(n, in_features, e).grid, ENCODINGS[e])
            for w, b, out, n, e in zip(
                weights, biases, results, out_features, encodings, strict=True
            )
        )
    )
    args = _PackedLinearArgs(
        rows,
        len(rows),
        in_features,
        rows.stride(0),
        ctypes.addressof(targets),
        len(weights),
        workspace,
        ELEMENT_TYPES[x.dtype],
    )
    return Recording(results, KernelCall(function, args, (targets, workspace)))


make_packed_linear_record = kernel_record("packed_linear", _record)


def products_function(isa: Isa | None = None) -> ctypes.c_void_p | None:
    """The C function `Products` of `include/packed_linear.h`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    library = load_kernel("packed_linear", isa)
    return None if library is None else ctypes.cast(library.packed_products, ctypes.c_void_p)


def workspace_of_row(panels: Panels) -> int:
    """Bytes of the workspace for each row of activations."""
    if panels.encoding in BLOCK_UNITS:
        return panels.columns // _BLOCK * _BYTES_PER_BLOCK
    # Activations are arranged as they are multiplied: beside weights of 16 bits as float32, but on
    # machines that multiply pairs of bfloat16.
    return panels.groups * (_GROUP_BYTES if panels.encoding == "float32" else 2 * _GROUP_BYTES)
