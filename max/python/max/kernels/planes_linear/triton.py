"""Products with quantized weights on a GPU.

Few rows: a program decodes a tile of the weight in registers and multiplies it with all of them, so
the weight is read once. Many rows: the weight is decoded to memory, and the product is cuBLAS's.

float32 activations, which quantized models have, are rounded for tensor cores: to tf32 (2^-11),
with many rows to bfloat16 (2^-9). The CPU's kernels round them to bytes, which costs more.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F

from max.kernels.gpu.language import Pointer, Size, Width, cdiv, gpu_kernel, tl
from max.kernels.gpu.tuning import Config, device_kind
from max.kernels.layouts.planes import Planes
from max.kernels.layouts.triton_planes import column_of, decoded
from max.kernels.planes_rows.triton import decode_rows, encoding_constants, number_bytes, tile_of

# BLOCK_N outputs and BLOCK_J bytes of numbers of each.
CONFIGS = {
    "sm_80": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, num_warps=8, num_stages=1),
    "sm_90": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, num_warps=8, num_stages=3),
    "sm_100": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, num_warps=8, num_stages=1),
    "gfx942": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 64}, num_warps=8, num_stages=1),
}
# Stages of an encoding for which the line of a kind spills.
_STAGES = {("sm_100", "q4_0"): 2}
# From so many rows on decoding the weight once more costs less than decoding it for each block.
MANY_ROWS = 128


@gpu_kernel
def planes_linear_kernel(
    x: Pointer,
    first: Pointer,
    second: Pointer,
    third: Pointer,
    fourth: Pointer,
    out: Pointer,
    count: Size,
    rows: Width,
    columns: Width,
    row_bytes: Width,
    ENCODING: tl.constexpr,
    BYTES: tl.constexpr,
    PER_BYTE: tl.constexpr,
    SPAN: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_J: tl.constexpr,
) -> None:
    """BLOCK_N outputs of BLOCK_M of x's `count` rows; `row_bytes` of numbers of a weight's row."""
    output = (tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)).to(tl.int64)
    row = (tl.program_id(1) * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)
    x_row = x + row[:, None] * columns
    first_block = output[None, :] * (row_bytes // BYTES)
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for start in range(0, row_bytes, BLOCK_J):
        byte = start + tl.arange(0, BLOCK_J)
        column = column_of(byte, BYTES, PER_BYTE, SPAN)
        given = (row < count)[:, None] & (byte < row_bytes)[None, :]
        there = (byte < row_bytes)[:, None] & (output < rows)[None, :]
        block = first_block + (byte // BYTES)[:, None]
        i = (byte % BYTES)[:, None]
        place = output[None, :] * row_bytes + byte[:, None]
        for own in tl.static_range(PER_BYTE):
            part = decoded(first, second, third, fourth, place, block, i, there, ENCODING, own)
            values = tl.load(x_row + column[None, :] + own * SPAN, mask=given, other=0.0)
            total += tl.dot(values, part.to(values.dtype), input_precision="tf32")
    at = out + row[:, None] * rows + output[None, :]
    stored = (row < count)[:, None] & (output < rows)[None, :]
    tl.store(at, total.to(out.dtype.element_ty), mask=stored)


def config_of(kind: str, encoding: str) -> Config:
    """The line of the table for a kind of device and an encoding."""
    line = tile_of(CONFIGS[kind], encoding)
    return replace(line, num_stages=_STAGES.get((kind, encoding), line.num_stages))


def run_on_gpu(
    x: torch.Tensor, planes: torch.Tensor, rows: int, columns: int, encoding: str
) -> torch.Tensor:
    """See `planes_linear_reference`; the decoded weight is rounded to x's dtype."""
    layout = Planes(rows, columns, encoding)
    count = x.numel() // columns
    if count >= MANY_ROWS:
        dtype = torch.bfloat16 if x.dtype == torch.float32 else x.dtype
        return F.linear(x.to(dtype), decode_rows(layout, planes, None, dtype)).to(x.dtype)
    x = x.contiguous()
    out = x.new_empty([*x.shape[:-1], rows])
    if out.numel():
        config = config_of(device_kind(x.device), encoding)
        parts = [*layout.planes(planes), planes, planes][:4]
        grid = (
            cdiv(rows, config.blocks["BLOCK_N"]),
            cdiv(count, config.blocks["BLOCK_M"]),
        )
        planes_linear_kernel[grid](
            x,
            *parts,
            out,
            count,
            rows,
            columns,
            layout.blocks * number_bytes(encoding),
            **encoding_constants(encoding),
            **config.launch,
        )
    return out
