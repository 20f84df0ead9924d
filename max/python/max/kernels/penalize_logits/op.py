"""Schema of `max::penalize_logits`."""

from __future__ import annotations

import torch

from max.kernels.penalize_logits.reference import penalize_logits_reference
from max.kernels.registry import define_op, implement_on_gpu


def _fake(
    logits: torch.Tensor, rows: torch.Tensor, counts: torch.Tensor, *_: torch.Tensor
) -> torch.Tensor:
    torch._check(
        logits.ndim == counts.ndim == 2 and logits.shape[1] == counts.shape[1],
        lambda: f"logits is {list(logits.shape)}, counts is {list(counts.shape)}",
    )
    return logits


penalize_logits = define_op(
    "penalize_logits(Tensor(a!) logits, Tensor rows, Tensor counts, Tensor places,"
    " Tensor repetition, Tensor frequency, Tensor presence) -> Tensor(a!)",
    reference=penalize_logits_reference,
    fake=_fake,
)
implement_on_gpu(penalize_logits, penalize_logits_reference)
