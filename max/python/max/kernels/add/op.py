"""Schema of `max::add`."""

from __future__ import annotations

from functools import partial

import torch

from max.kernels.add.reference import add_reference
from max.kernels.elementwise import make_elementwise_record
from max.kernels.facts import OpFacts
from max.kernels.registry import define_op, implement_on_cpu


def _fake(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    torch._check(
        a.ndim == b.ndim and a.dtype == b.dtype,
        lambda: f"a is {list(a.shape)} {a.dtype}, b is {list(b.shape)} {b.dtype}",
    )
    return torch.empty_like(a)


add = define_op(
    "add(Tensor a, Tensor b) -> Tensor",
    reference=add_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=2),
)
implement_on_cpu(add, partial(make_elementwise_record, "add"), add_reference)
