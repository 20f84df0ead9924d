"""Rows of adapters' own tables on a GPU."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Pointer, Size, Width, cdiv, gpu_kernel, tl

BLOCK = 1024


@gpu_kernel
def saved_embedding_kernel(
    y: Pointer,
    ids: Pointer,
    slots: Pointer,
    tables: Pointer,
    is_saved: Pointer,
    table: Size,
    outputs: Width,
    BLOCK: tl.constexpr,
) -> None:
    """A block of one row; `table` rows in a slot's table."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    slot = tl.load(slots + row)
    index = tl.load(ids + row)
    is_own = tl.load(is_saved + tl.maximum(slot - 1, 0), mask=slot > 0, other=0) != 0
    inside = (column < outputs) & is_own & (index >= 0) & (index < table)
    place = ((slot - 1).to(tl.int64) * table + index) * outputs + column
    found = tl.load(tables + place, mask=inside)
    tl.store(y + row * outputs + column, found, mask=inside)


def run_on_gpu(
    y: torch.Tensor,
    ids: torch.Tensor,
    slots: torch.Tensor,
    tables: torch.Tensor,
    is_saved: torch.Tensor,
) -> torch.Tensor | None:
    """See `saved_embedding_reference`; None where rows are not in sequence."""
    if not (tables.is_contiguous() and y.is_contiguous()):
        return None
    rows, outputs = y.shape
    if rows:
        saved_embedding_kernel[(rows, cdiv(outputs, BLOCK))](
            y,
            ids.contiguous(),
            slots.contiguous(),
            tables,
            is_saved,
            tables.shape[1],
            outputs,
            BLOCK=BLOCK,
        )
    return y
