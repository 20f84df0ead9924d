"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, int64s, pointers
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)


class ChooseTokensArgs(CStruct):
    """The C struct of `include/choose_tokens.h`."""

    _fields_ = (
        *pointers("logits"),
        *int64s("rows", "vocab_size"),
        *pointers("top_k", "top_p", "min_p", "uniforms", "tokens"),
    )


def _record(
    function: CFunction,
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
    args = ChooseTokensArgs(logits, rows, vocab_size, *limits, tokens)
    return Recording(tokens, KernelCall(function, args), logits.nbytes)


make_choose_tokens_record = kernel_record("choose_tokens", _record)
