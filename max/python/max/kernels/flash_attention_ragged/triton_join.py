"""Puts together what attention to parts of the keys gave."""

from __future__ import annotations

import torch

from max.kernels.flash_attention_ragged.triton_configs import Parts
from max.kernels.flash_attention_ragged.triton_softmax import finite
from max.kernels.gpu.language import Pointer, cdiv, gpu_kernel, next_power_of_2, tl

# Elements of a head that a program puts together.
JOINED_ELEMENTS = 128


@gpu_kernel
def join_parts_kernel(
    partial: Pointer,
    largest_of_part: Pointer,
    sum_of_part: Pointer,
    out: Pointer,
    HEAD_DIM: tl.constexpr,
    HEAD_BLOCK: tl.constexpr,
    SPLITS: tl.constexpr,
) -> None:
    """Elements of one row of one head, of the parts of its keys; without keys a part's sum is 0."""
    row = tl.program_id(0).to(tl.int64)
    part = tl.arange(0, SPLITS)
    element = tl.program_id(1) * HEAD_BLOCK + tl.arange(0, HEAD_BLOCK)
    in_head = element < HEAD_DIM
    largest = tl.load(largest_of_part + row * SPLITS + part)
    share = tl.math.exp2(largest - finite(tl.max(largest, 0)))
    total = tl.sum(tl.load(sum_of_part + row * SPLITS + part) * share, 0)
    places = partial + (row * SPLITS + part)[:, None] * HEAD_DIM + element[None, :]
    mixed = tl.load(places, mask=in_head[None, :], other=0.0) * share[:, None]
    result = tl.sum(mixed, 0) / total
    tl.store(out + row * HEAD_DIM + element, result.to(out.dtype.element_ty), mask=in_head)


def join_parts(parts: Parts, out: torch.Tensor, head_dim: int, splits: int) -> None:
    """Puts together what the parts of the keys gave."""
    block = min(JOINED_ELEMENTS, max(16, next_power_of_2(head_dim)))
    join_parts_kernel[(out.numel() // head_dim, cdiv(head_dim, block))](
        *parts, out, HEAD_DIM=head_dim, HEAD_BLOCK=block, SPLITS=splits
    )
