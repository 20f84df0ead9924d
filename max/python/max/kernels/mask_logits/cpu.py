"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, int32s, int64s, pointers
from max.kernels.element_types import FLOAT_TYPES
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)


class MaskLogitsArgs(CStruct):
    """The C struct of `include/mask_logits.h`."""

    _fields_ = (
        *pointers("logits"),
        *int64s("rows", "vocab_size"),
        *pointers("masked"),
        *int64s("masks"),
        *pointers("bits"),
        *int64s("words"),
        *pointers("out"),
        *int32s("type"),
    )


def _record(
    function: CFunction, empty: Empty, logits: torch.Tensor, rows: torch.Tensor, bits: torch.Tensor
) -> Recording | None:
    if logits.dtype not in FLOAT_TYPES or not are_contiguous(logits, rows, bits):
        return None
    out = empty(logits.shape, torch.float32)
    args = MaskLogitsArgs(
        logits, *logits.shape, rows, len(rows), bits, bits.shape[-1], out, FLOAT_TYPES[logits.dtype]
    )
    return Recording(out, KernelCall(function, args))


make_mask_logits_record = kernel_record("mask_logits", _record)
