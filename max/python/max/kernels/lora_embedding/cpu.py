"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)


class LoraEmbeddingArgs(ctypes.Structure):
    """The C struct of `include/lora.h`."""

    _fields_ = (
        ("y", ctypes.c_void_p),
        ("ids", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
        ("a", ctypes.c_void_p),
        ("b", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("ranks", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
        ("rank", ctypes.c_int64),
        ("num_slots", ctypes.c_int64),
        ("type", ctypes.c_int32),
        ("adapter_type", ctypes.c_int32),
    )


def make_lora_embedding_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("lora_embedding", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        y: torch.Tensor,
        ids: torch.Tensor,
        slots: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
        scales: torch.Tensor,
        ranks: torch.Tensor,
    ) -> Recording | None:
        tensors = (y, ids, slots, a, b, scales, ranks)
        if y.dtype not in ELEMENT_TYPES or ids.dtype != torch.int64 or not are_contiguous(*tensors):
            return None
        num_slots, inputs, rank = a.shape
        args = LoraEmbeddingArgs(
            *(tensor.data_ptr() for tensor in tensors),
            len(y),
            inputs,
            y.shape[1],
            rank,
            num_slots,
            ELEMENT_TYPES[y.dtype],
            ELEMENT_TYPES[a.dtype],
        )
        return Recording(y, KernelCall(function, args), ids.nbytes + slots.nbytes)

    return record
