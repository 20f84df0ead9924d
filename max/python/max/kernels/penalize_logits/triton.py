"""Penalties on a GPU: a program per block of tokens of a row."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Pointer, Width, cdiv, gpu_kernel, tl

BLOCK = 1024


@gpu_kernel
def penalize_logits_kernel(
    logits: Pointer,
    rows: Pointer,
    counts: Pointer,
    places: Pointer,
    repetition: Pointer,
    frequency: Pointer,
    presence: Pointer,
    vocab_size: Width,
    BLOCK: tl.constexpr,
) -> None:
    """Some tokens of a row. Only those that occurred are read and written."""
    given = tl.program_id(0)
    token = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    logits += tl.load(rows + given) * vocab_size + token
    counts += tl.load(places + given) * vocab_size + token
    count = tl.load(counts, mask=token < vocab_size, other=0)
    penalty = tl.load(repetition + given)
    logit = tl.load(logits, mask=count != 0, other=0.0)
    logit = tl.where(logit < 0, logit * penalty, tl.math.div_rn(logit, penalty))
    times = count & 0x7FFFFFFF
    less = tl.load(frequency + given) * times.to(tl.float64) + tl.load(presence + given)
    logit -= tl.where(times > 0, less, 0.0).to(tl.float32)
    tl.store(logits, logit, mask=count != 0)


def run_on_gpu(
    logits: torch.Tensor,
    rows: torch.Tensor,
    counts: torch.Tensor,
    places: torch.Tensor,
    repetition: torch.Tensor,
    frequency: torch.Tensor,
    presence: torch.Tensor,
) -> torch.Tensor:
    """See `penalize_logits_reference`."""
    vocab_size = logits.shape[-1]
    if len(rows):
        penalize_logits_kernel[(len(rows), cdiv(vocab_size, BLOCK))](
            logits, rows, counts, places, repetition, frequency, presence, vocab_size, BLOCK=BLOCK
        )
    return logits
