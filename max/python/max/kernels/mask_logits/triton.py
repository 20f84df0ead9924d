"""Masking logits on a GPU: a program per mask."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Pointer, Width, gpu_kernel, tl

BLOCK, NUM_WARPS = 4096, 16


@gpu_kernel
def mask_logits_kernel(
    out: Pointer, rows: Pointer, bits: Pointer, vocab_size: Width, words: Width, BLOCK: tl.constexpr
) -> None:
    """One masked row of `out`, which has the logits."""
    mask = tl.program_id(0).to(tl.int64)
    out += tl.load(rows + mask) * vocab_size
    bits += mask * words
    likely = tl.zeros([BLOCK], tl.int32)
    for start in range(0, vocab_size, BLOCK):
        token = start + tl.arange(0, BLOCK)
        inside = token < vocab_size
        word = tl.load(bits + token // 32, mask=inside & (token // 32 < words), other=0)
        allowed = ((word >> (token % 32)) & 1) != 0
        logit = tl.load(out + token, mask=allowed, other=float("-inf"))
        likely += (logit != float("-inf")).to(tl.int32)
        tl.store(out + token, logit, mask=inside)
    if tl.sum(likely, 0) == 0:
        for start in range(0, vocab_size, BLOCK):
            token = start + tl.arange(0, BLOCK)
            known = (token < vocab_size) & (token // 32 < words)
            word = tl.load(bits + token // 32, mask=known, other=0)
            allowed = ((word >> (token % 32)) & 1) != 0
            tl.store(out + token, tl.zeros([BLOCK], tl.float32), mask=allowed)


def run_on_gpu(logits: torch.Tensor, rows: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """See `mask_logits_reference`."""
    out = logits.to(torch.float32, copy=True).contiguous()
    if len(rows):
        bits = bits.contiguous()
        mask_logits_kernel[(len(rows),)](
            out, rows, bits, out.shape[1], bits.shape[1], BLOCK=BLOCK, num_warps=NUM_WARPS
        )
    return out
