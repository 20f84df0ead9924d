"""Schema of `max::lora_embedding`."""

from __future__ import annotations

import torch

from max.kernels.lora_embedding.cpu import make_lora_embedding_record
from max.kernels.lora_embedding.reference import lora_embedding_reference
from max.kernels.lora_linear.reference import PANEL
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(
    y: torch.Tensor,
    ids: torch.Tensor,
    slots: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scales: torch.Tensor,
    ranks: torch.Tensor,
) -> torch.Tensor:
    torch._check(
        y.ndim == slots.ndim == 2 and ids.ndim == 1 and a.dtype == b.dtype,
        lambda: (
            f"y is {y.dtype} {list(y.shape)}, ids {list(ids.shape)}, slots {list(slots.shape)}, "
            f"a {a.dtype}, b {b.dtype}: ids have one axis, y and slots two; a, b one dtype"
        ),
    )
    torch._check(
        b.shape[1] == -(-y.shape[1] // PANEL) and a.shape[2] == b.shape[2],
        lambda: (
            f"for rows of {y.shape[1]} elements a is [slots, table, rank] and b "
            f"[slots, {-(-y.shape[1] // PANEL)}, rank, {PANEL}]; they are {list(a.shape)} and "
            f"{list(b.shape)}"
        ),
    )
    return y


lora_embedding = define_op(
    "lora_embedding(Tensor(a!) y, Tensor ids, Tensor slots, Tensor a, Tensor b, Tensor scales,"
    " Tensor ranks) -> Tensor(a!)",
    reference=lora_embedding_reference,
    fake=_fake,
)
implement_on_cpu(lora_embedding, make_lora_embedding_record, lora_embedding_reference)
implement_on_gpu(lora_embedding, lora_embedding_reference)
