"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.element_types import FLOAT_TYPES
from max.kernels.isa import Isa
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)


class MaskLogitsArgs(ctypes.Structure):
    """The C struct of `include/mask_logits.h`."""

    _fields_ = (
        ("logits", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("vocab_size", ctypes.c_int64),
        ("masked", ctypes.c_void_p),
        ("masks", ctypes.c_int64),
        ("bits", ctypes.c_void_p),
        ("words", ctypes.c_int64),
        ("out", ctypes.c_void_p),
        ("type", ctypes.c_int32),
    )


def make_mask_logits_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("mask_logits", isa)
    if function is None:
        return None

    def record(
        empty: Empty, logits: torch.Tensor, rows: torch.Tensor, bits: torch.Tensor
    ) -> Recording | None:
        if logits.dtype not in FLOAT_TYPES or not are_contiguous(logits, rows, bits):
            return None
        out = empty(logits.shape, torch.float32)
        args = MaskLogitsArgs(
            logits.data_ptr(),
            *logits.shape,
            rows.data_ptr(),
            len(rows),
            bits.data_ptr(),
            bits.shape[-1],
            out.data_ptr(),
            FLOAT_TYPES[logits.dtype],
        )
        return Recording(out, KernelCall(function, args))

    return record
