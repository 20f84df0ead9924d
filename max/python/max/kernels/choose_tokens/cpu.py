"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.isa import Isa
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)


class ChooseTokensArgs(ctypes.Structure):
    """The C struct of `include/choose_tokens.h`."""

    _fields_ = (
        ("logits", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("vocab_size", ctypes.c_int64),
        ("top_k", ctypes.c_void_p),
        ("top_p", ctypes.c_void_p),
        ("min_p", ctypes.c_void_p),
        ("uniforms", ctypes.c_void_p),
        ("tokens", ctypes.c_void_p),
    )


def make_choose_tokens_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("choose_tokens", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        logits: torch.Tensor,
        top_k: torch.Tensor,
        top_p: torch.Tensor,
        min_p: torch.Tensor,
        uniforms: torch.Tensor,
    ) -> Recording | None:
        limits = (top_k, top_p, min_p, uniforms)
        if logits.dtype != torch.float32 or not are_contiguous(logits, *limits):
            return None
        rows, vocab_size = logits.shape
        tokens = empty((rows,), torch.int64)
        args = ChooseTokensArgs(
            logits.data_ptr(),
            rows,
            vocab_size,
            *(limit.data_ptr() for limit in limits),
            tokens.data_ptr(),
        )
        return Recording(tokens, KernelCall(function, args), logits.nbytes)

    return record
