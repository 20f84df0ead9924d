"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import torch

from max.kernels.element_types import ELEMENT_TYPES, WEIGHT_TYPES
from max.kernels.isa import Isa
from max.kernels.packed_linear.structs import PackedLinearArgs, PackedWeight
from max.kernels.recording import Empty, KernelCall, Record, Recording, load_function

_GROUP_BYTES = 4


def make_packed_linear_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("packed_linear", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        x: torch.Tensor,
        weights: Sequence[torch.Tensor],
        biases: Sequence[torch.Tensor | None],
        out_features: Sequence[int],
    ) -> Recording | None:
        in_features = x.shape[-1]
        rows = x if x.ndim == 2 else x.reshape(-1, in_features) if x.is_contiguous() else None
        if rows is None or rows.stride(1) != 1 or x.dtype not in ELEMENT_TYPES:
            return None
        (dtype,) = {weight.dtype for weight in weights}
        results = [empty((*x.shape[:-1], n), x.dtype) for n in out_features]
        groups = math.ceil(in_features * dtype.itemsize / _GROUP_BYTES)
        # Activations are arranged as they are multiplied: as float32 beside weights of 16 bits.
        group_bytes = _GROUP_BYTES if dtype == x.dtype else 2 * _GROUP_BYTES
        workspace = empty((len(rows), groups * group_bytes), torch.uint8)
        targets = (PackedWeight * len(weights))(
            *(
                PackedWeight(
                    w.data_ptr(), None if b is None else b.data_ptr(), out.data_ptr(), n, n
                )
                for w, b, out, n in zip(weights, biases, results, out_features, strict=True)
            )
        )
        args = PackedLinearArgs(
            rows.data_ptr(),
            len(rows),
            in_features,
            rows.stride(0),
            ctypes.addressof(targets),
            len(weights),
            workspace.data_ptr(),
            ELEMENT_TYPES[x.dtype],
            WEIGHT_TYPES[dtype],
        )
        return Recording(results, KernelCall(function, args, (targets, workspace)))

    return record
