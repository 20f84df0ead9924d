"""Products with adapters' own weights on a GPU, in float32: a program has a block of rows and of
outputs, and takes the adapters among the rows one after the other."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Pointer, Size, Width, cdiv, gpu_kernel, tl

# Rows of a program, inputs of a step, outputs of a program.
BLOCK_M, BLOCK_K, BLOCK_N = 16, 32, 64


@gpu_kernel
def saved_linear_kernel(
    y: Pointer,
    x: Pointer,
    slots: Pointer,
    weights: Pointer,
    is_saved: Pointer,
    rows: Size,
    inputs: Width,
    outputs: Width,
    panels: Width,
    y_row: Width,
    BLOCK_M: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> None:
    """Some outputs of some rows; `panels` of 16 outputs in a weight."""
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    output = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    left = tl.load(slots + row, mask=row < rows, other=0)
    slot = tl.max(left, 0)
    place = y + row.to(tl.int64)[:, None] * y_row + output[None, :]
    while slot > 0:
        own = left == slot
        saved = tl.load(is_saved + slot - 1) != 0
        panel = (slot - 1).to(tl.int64) * panels + output // 16
        product = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
        for start in range(0, tl.where(saved, inputs, 0), BLOCK_K):
            k = start + tl.arange(0, BLOCK_K)
            values = tl.load(
                x + row.to(tl.int64)[:, None] * inputs + k[None, :],
                mask=own[:, None] & (k < inputs)[None, :],
                other=0.0,
            )
            matrix = tl.load(
                weights + (panel[None, :] * inputs + k[:, None]) * 16 + (output % 16)[None, :],
                mask=(k < inputs)[:, None] & (output < outputs)[None, :],
                other=0.0,
            )
            product += tl.dot(values, matrix.to(values.dtype), input_precision="ieee")
        stored = own[:, None] & (output < outputs)[None, :] & saved
        tl.store(place, product.to(y.dtype.element_ty), mask=stored)
        left = tl.where(own, 0, left)
        slot = tl.max(left, 0)


def run_on_gpu(
    y: torch.Tensor,
    x: torch.Tensor,
    slots: torch.Tensor,
    weights: torch.Tensor,
    is_saved: torch.Tensor,
) -> torch.Tensor | None:
    """See `saved_linear_reference`; None where rows are not in sequence."""
    if not weights.is_contiguous() or y.stride(-1) != 1:
        return None
    rows, inputs = x.shape
    if rows:
        saved_linear_kernel[(cdiv(rows, BLOCK_M), cdiv(y.shape[1], BLOCK_N))](
            y,
            x.contiguous(),
            slots.contiguous(),
            weights,
            is_saved,
            rows,
            inputs,
            y.shape[1],
            weights.shape[1],
            y.stride(0),
            BLOCK_M=BLOCK_M,
            BLOCK_K=BLOCK_K,
            BLOCK_N=BLOCK_N,
        )
    return y
