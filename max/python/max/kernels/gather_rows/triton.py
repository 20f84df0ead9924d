"""Rows of a table on a GPU: a program per block of a row."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Pointer, Size, Width, cdiv, gpu_kernel, tl

BLOCK = 1024


@gpu_kernel
def gather_rows_kernel(
    table: Pointer,
    indices: Pointer,
    out: Pointer,
    rows: Size,
    dim: Width,
    BLOCK: tl.constexpr,
) -> None:
    """A block of one row; NaN for a row that the table does not have."""
    place = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < dim
    index = tl.load(indices + place)
    is_known = (index >= -rows) & (index < rows)
    row = tl.where(index < 0, index + rows, index)
    found = tl.load(table + row * dim + column, mask=inside & is_known, other=float("nan"))
    tl.store(out + place * dim + column, found, mask=inside)


def run_on_gpu(table: torch.Tensor, indices: torch.Tensor) -> torch.Tensor | None:
    """See `gather_rows_reference`; as in a program, a row beyond the table is NaN.

    None for tables that have no NaN.
    """
    if not table.is_floating_point() or table.ndim == 0:
        return None
    table, indices = table.contiguous(), indices.contiguous()
    out = table.new_empty([*indices.shape, *table.shape[1:]])
    if out.numel():
        dim = out.numel() // indices.numel()
        grid = (indices.numel(), cdiv(dim, BLOCK))
        gather_rows_kernel[grid](table, indices, out, len(table), dim, BLOCK=BLOCK)
    return out
