"""Adapters of a table of rows on a GPU: a row's part of `a` is looked up, then as for a layer."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Pointer, Size, Width, cdiv, gpu_kernel, next_power_of_2, tl
from max.kernels.lora_linear.triton import BLOCK_M, BLOCK_N, expand_kernel, warps_of


@gpu_kernel
def look_up_kernel(
    ids: Pointer,
    slots: Pointer,
    a: Pointer,
    scales: Pointer,
    ranks: Pointer,
    narrow: Pointer,
    table: Size,
    rank: Width,
    RANK_BLOCK: tl.constexpr,
) -> None:
    """One row: zeros without an adapter, and for ids beyond the table of `table` rows."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, RANK_BLOCK)
    slot = tl.maximum(tl.load(slots + row) - 1, 0)
    has_adapter = tl.load(slots + row) > 0
    index = tl.load(ids + row)
    is_known = has_adapter & (index >= 0) & (index < table)
    place = (slot.to(tl.int64) * table + index) * rank + column
    in_rank = column < tl.load(ranks + slot, mask=has_adapter, other=0)
    found = tl.load(a + place, mask=in_rank & is_known, other=0.0).to(tl.float32)
    scale = tl.load(scales + slot, mask=has_adapter, other=0.0)
    tl.store(narrow + row * RANK_BLOCK + column, found * scale)


def run_on_gpu(
    y: torch.Tensor,
    ids: torch.Tensor,
    slots: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scales: torch.Tensor,
    ranks: torch.Tensor,
) -> torch.Tensor | None:
    """See `lora_embedding_reference`; None where tables are not in sequence."""
    if not (a.is_contiguous() and b.is_contiguous()) or y.stride(-1) != 1:
        return None
    rows, rank = len(y), a.shape[-1]
    if not rows:
        return y
    slots = slots.contiguous()
    rank_block = next_power_of_2(max(rank, 16))
    narrow = torch.empty([rows, rank_block], dtype=torch.float32, device=y.device)
    look_up_kernel[(rows,)](
        ids.contiguous(),
        slots,
        a,
        scales,
        ranks,
        narrow,
        a.shape[1],
        rank,
        RANK_BLOCK=rank_block,
        num_warps=1,
    )
    expand_kernel[(cdiv(rows, BLOCK_M), cdiv(y.shape[1], BLOCK_N))](
        y,
        slots,
        narrow,
        b,
        ranks,
        scales,
        ranks,
        rows,
        y.shape[1],
        b.shape[1],
        rank,
        y.stride(0),
        PARTS=1,
        HAS_AFFINE=False,
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        RANK_BLOCK=rank_block,
        num_warps=warps_of(rank_block),
    )
    return y
