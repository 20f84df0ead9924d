"""Products with weights of 8 bits and factors on a GPU.

Weights are made numbers of x's type, which is exact, on the way to tensor cores; a factor
multiplies what the product of its block gives. Activations are not rounded to 8 bits.
"""

from __future__ import annotations

import torch

from max.kernels.gpu.float8 import float8_numbers
from max.kernels.gpu.language import Pointer, Size, Width, cdiv, gpu_kernel, tl
from max.kernels.gpu.tuning import Config, device_kind, has_float8
from max.kernels.scaled_matmul.reference import sizes_of_blocks

CONFIGS = {
    "few": {
        "sm_80": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_K": 128}, 4, 4),
        "sm_90": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_K": 128}, 4, 5),
        "sm_100": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_K": 128}, 4, 5),
        "gfx942": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_K": 64}, 4, 2),
    },
    "many": {
        "sm_80": Config({"BLOCK_M": 64, "BLOCK_N": 128, "BLOCK_K": 64}, 8, 3),
        "sm_90": Config({"BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 64}, 8, 3),
        "sm_100": Config({"BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 64}, 8, 3),
        "gfx942": Config({"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 64}, 4, 2),
    },
}
# Rows of x for which the second line is the better one.
MANY_ROWS = 32


@gpu_kernel
def scaled_matmul_kernel(
    x: Pointer,
    weight: Pointer,
    scale: Pointer,
    out: Pointer,
    count: Size,
    rows: Width,
    columns: Width,
    rows_of_block: Width,
    columns_of_block: Width,
    blocks_of_row: Width,
    BY_COLUMNS: tl.constexpr,
    IS_NATIVE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
) -> None:
    """BLOCK_N outputs of BLOCK_M of x's `count` rows; BLOCK_K columns share a factor of a row."""
    output = (tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)).to(tl.int64)
    row = (tl.program_id(1) * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)
    there = output < rows
    of_outputs = scale + output // rows_of_block * blocks_of_row
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for start in range(0, columns, BLOCK_K):
        k = start + tl.arange(0, BLOCK_K)
        inside = k < columns
        values = tl.load(
            x + row[:, None] * columns + k[None, :],
            mask=(row < count)[:, None] & inside[None, :],
            other=0.0,
        )
        given = tl.load(
            weight + output[None, :] * columns + k[:, None],
            mask=inside[:, None] & there[None, :],
            other=0,
        )
        numbers = float8_numbers(given, IS_NATIVE).to(x.dtype.element_ty)
        product = tl.dot(values, numbers, input_precision="tf32")
        if BY_COLUMNS:
            factor = tl.load(of_outputs + start // columns_of_block, mask=there, other=0.0)
            product *= factor.to(tl.float32)[None, :]
        total += product
    if not BY_COLUMNS:
        factor = tl.load(of_outputs, mask=there, other=0.0)
        total *= factor.to(tl.float32)[None, :]
    stored = (row < count)[:, None] & there[None, :]
    at = out + row[:, None] * rows + output[None, :]
    tl.store(at, total.to(out.dtype.element_ty), mask=stored)


def run_on_gpu(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor | None:
    """See `scaled_matmul_reference`; None for weights that are not float8_e4m3fn, and for factors
    of fewer than 16 columns."""
    rows, columns = weight.shape
    rows_of_block, columns_of_block = sizes_of_blocks(weight.shape, scale.shape)
    by_columns = columns_of_block < columns
    if weight.dtype != torch.float8_e4m3fn or (by_columns and columns_of_block < 16):
        return None
    x = x.contiguous()
    out = x.new_empty([*x.shape[:-1], rows])
    count = out.numel() // rows if rows else 0
    if count:
        config = CONFIGS["many" if count >= MANY_ROWS else "few"][device_kind(x.device)]
        blocks = dict(config.blocks)
        if by_columns:
            blocks["BLOCK_K"] = min(blocks["BLOCK_K"], columns_of_block)
        grid = (cdiv(rows, blocks["BLOCK_N"]), cdiv(count, blocks["BLOCK_M"]))
        scaled_matmul_kernel[grid](
            x,
            weight.contiguous().view(torch.uint8),
            scale.contiguous(),
            out,
            count,
            rows,
            columns,
            rows_of_block,
            columns_of_block,
            cdiv(columns, columns_of_block),
            BY_COLUMNS=by_columns,
            IS_NATIVE=has_float8(x.device),
            **{**config.launch, **blocks},
        )
    return out
