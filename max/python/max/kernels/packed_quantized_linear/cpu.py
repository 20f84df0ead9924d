"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch

from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.packed_linear.structs import PackedWeight
from max.kernels.packed_quantized_linear.structs import ENCODINGS, PackedQuantizedLinearArgs
from max.kernels.recording import Empty, KernelCall, Record, Recording, load_function

_BLOCK = 32
_BYTES_PER_BLOCK = 48  # of include/quantized_activations.h


def make_packed_quantized_linear_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("packed_quantized_linear", isa)
    if function is None:
        return None

    def record(
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
        workspace = empty((len(rows), in_features // _BLOCK, _BYTES_PER_BLOCK), torch.uint8)
        targets = (PackedWeight * len(weights))(
            *(
                PackedWeight(w.data_ptr(), None if b is None else b.data_ptr(), y.data_ptr(), n, n)
                for w, b, y, n in zip(weights, biases, results, out_features, strict=True)
            )
        )
        numbers = (ctypes.c_int32 * len(weights))(*(ENCODINGS[e] for e in encodings))
        args = PackedQuantizedLinearArgs(
            rows.data_ptr(),
            len(rows),
            in_features,
            rows.stride(0),
            ctypes.addressof(targets),
            ctypes.addressof(numbers),
            len(weights),
            workspace.data_ptr(),
            ELEMENT_TYPES[x.dtype],
        )
        return Recording(results, KernelCall(function, args, (targets, numbers, workspace)))

    return record
