"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch

from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.packed_embedding.indices import checked_indices
from max.kernels.recording import load_function
from max.kernels.thread_pool import pool_handle


class PackedEmbeddingArgs(ctypes.Structure):
    """The C struct of `include/packed_linear.h`."""

    _fields_ = (
        ("packed", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("columns", ctypes.c_int64),
        ("indices", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("out", ctypes.c_void_p),
        ("type", ctypes.c_int32),
    )


def make_packed_embedding_cpu(isa: Isa | None = None) -> Callable[..., torch.Tensor] | None:
    """The op in C++; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("packed_embedding", isa)
    if function is None:
        return None

    def packed_embedding_cpu(
        packed: torch.Tensor, indices: torch.Tensor, rows: int, columns: int
    ) -> torch.Tensor:
        flat = checked_indices(indices, rows)
        out = packed.new_empty(len(flat), columns)
        args = PackedEmbeddingArgs(
            packed.data_ptr(),
            rows,
            columns,
            flat.data_ptr(),
            len(flat),
            out.data_ptr(),
            ELEMENT_TYPES[packed.dtype],
        )
        function(ctypes.addressof(args), pool_handle())
        return out.view(*indices.shape, columns)

    return packed_embedding_cpu
