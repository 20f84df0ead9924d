"""Schema of `max::mask_logits`."""

from __future__ import annotations

import torch

from max.kernels.mask_logits.cpu import make_mask_logits_record
from max.kernels.mask_logits.reference import mask_logits_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(logits: torch.Tensor, rows: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    torch._check(
        logits.ndim == 2 and bits.ndim == 2 and rows.shape == bits.shape[:1],
        lambda: (
            f"logits is {list(logits.shape)}, rows is {list(rows.shape)}, "
            f"bits is {list(bits.shape)}"
        ),
    )
    return logits.new_empty(logits.shape, dtype=torch.float32)


mask_logits = define_op(
    "mask_logits(Tensor logits, Tensor rows, Tensor bits) -> Tensor",
    reference=mask_logits_reference,
    fake=_fake,
)
implement_on_cpu(mask_logits, make_mask_logits_record, mask_logits_reference)
implement_on_gpu(mask_logits, mask_logits_reference)
