"""Schema of `max::saved_embedding`."""

from __future__ import annotations

import torch

from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu
from max.kernels.saved_embedding.cpu import make_saved_embedding_record
from max.kernels.saved_embedding.reference import saved_embedding_reference


def _fake(
    y: torch.Tensor,
    ids: torch.Tensor,
    slots: torch.Tensor,
    tables: torch.Tensor,
    is_saved: torch.Tensor,
) -> torch.Tensor:
    torch._check(
        y.ndim == slots.ndim == 2 and ids.ndim == 1,
        lambda: (
            f"y is {list(y.shape)}, ids {list(ids.shape)}, slots {list(slots.shape)}: ids have one "
            "axis, y and slots two"
        ),
    )
    torch._check(
        tables.shape[2] == y.shape[1],
        lambda: (
            f"for rows of {y.shape[1]} elements tables are [slots, size, {y.shape[1]}]; they are "
            f"{list(tables.shape)}"
        ),
    )
    return y


saved_embedding = define_op(
    "saved_embedding(Tensor(a!) y, Tensor ids, Tensor slots, Tensor tables, Tensor is_saved)"
    " -> Tensor(a!)",
    reference=saved_embedding_reference,
    fake=_fake,
)
implement_on_cpu(saved_embedding, make_saved_embedding_record, saved_embedding_reference)
implement_on_gpu(saved_embedding, saved_embedding_reference)
