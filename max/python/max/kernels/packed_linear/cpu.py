"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import torch

from max.kernels.isa import Isa
from max.kernels.native import load_kernel
from max.kernels.packed_linear.structs import ELEMENT_TYPES, PackedLinearArgs, PackedWeight
from max.kernels.thread_pool import pool_handle


def make_packed_linear_cpu(isa: Isa | None = None) -> Callable[..., list[torch.Tensor]] | None:
    """The op in C++; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    library = load_kernel("packed_linear", isa)
    if library is None:
        return None
    run, workspace_bytes = library.packed_linear, library.packed_linear_workspace
    run.argtypes, run.restype = (ctypes.c_void_p, ctypes.c_void_p), None
    workspace_bytes.argtypes, workspace_bytes.restype = (ctypes.c_void_p,), ctypes.c_int64

    def packed_linear_cpu(
        x: torch.Tensor,
        weights: Sequence[torch.Tensor],
        biases: Sequence[torch.Tensor | None],
        out_features: Sequence[int],
    ) -> list[torch.Tensor]:
        in_features = x.shape[-1]
        rows = x.reshape(x.shape[:-1].numel(), in_features)
        if rows.stride(1) != 1:
            rows = rows.contiguous()
        results = [rows.new_empty(len(rows), n) for n in out_features]
        targets = (PackedWeight * len(weights))(
            *(
                PackedWeight(w.data_ptr(), None if b is None else b.data_ptr(), y.data_ptr(), n, n)
                for w, b, y, n in zip(weights, biases, results, out_features, strict=True)
            )
        )
        args = PackedLinearArgs(
            rows.data_ptr(),
            len(rows),
            in_features,
            rows.stride(0),
            ctypes.addressof(targets),
            len(weights),
            None,
            ELEMENT_TYPES[x.dtype],
        )
        address = ctypes.addressof(args)
        workspace = torch.empty(workspace_bytes(address), dtype=torch.uint8)
        args.workspace = workspace.data_ptr()
        run(address, pool_handle())
        return [y.view(*x.shape[:-1], n) for y, n in zip(results, out_features, strict=True)]

    return packed_linear_cpu
