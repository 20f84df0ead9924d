"""Schema of `max::choose_tokens`."""

from __future__ import annotations

import torch

from max.kernels.choose_tokens.cpu import make_choose_tokens_record
from max.kernels.choose_tokens.reference import choose_tokens_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(logits: torch.Tensor, *limits: torch.Tensor) -> torch.Tensor:
    torch._check(logits.ndim == 2, lambda: f"logits is {list(logits.shape)}, not [rows, vocab]")
    return logits.new_empty([logits.shape[0]], dtype=torch.int64)


choose_tokens = define_op(
    "choose_tokens(Tensor logits, Tensor top_k, Tensor top_p, Tensor min_p, Tensor uniforms)"
    " -> Tensor",
    reference=choose_tokens_reference,
    fake=_fake,
)
implement_on_cpu(choose_tokens, make_choose_tokens_record, choose_tokens_reference)
implement_on_gpu(choose_tokens, choose_tokens_reference)
