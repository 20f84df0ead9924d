"""Decoded rows of a quantized table on a GPU: a program per block of a row's bytes."""

from __future__ import annotations

import torch

from max.kernels.gpu.language import Pointer, Width, cdiv, gpu_kernel, tl
from max.kernels.layouts.planes import PARTS, Planes
from max.kernels.layouts.triton_planes import column_of, decoded

BLOCK = 512
# How many elements the two numbers of a byte are apart; 0: a byte is a number.
SPANS = {
    "q8_0": 0,
    "q4_0": 16,
    "q4_1": 16,
    "q5_0": 16,
    "q5_1": 16,
    "q4_k": 32,
    "q5_k": 32,
    "q6_k": 64,
    "mxfp4": 16,
}


@gpu_kernel
def planes_rows_kernel(
    first: Pointer,
    second: Pointer,
    third: Pointer,
    fourth: Pointer,
    indices: Pointer,
    out: Pointer,
    columns: Width,
    row_bytes: Width,
    HAS_INDICES: tl.constexpr,
    ENCODING: tl.constexpr,
    BYTES: tl.constexpr,
    SPAN: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """A block of bytes of one row; `row_bytes` of numbers of a row."""
    place = tl.program_id(0).to(tl.int64)
    row = tl.load(indices + place).to(tl.int64) if HAS_INDICES else place
    byte = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = byte < row_bytes
    block = row * (row_bytes // BYTES) + byte // BYTES
    number, i = row * row_bytes + byte, byte % BYTES
    at = out + place * columns + column_of(byte, BYTES, SPAN)
    low = decoded(first, second, third, fourth, number, block, i, there, ENCODING, False)
    tl.store(at, low.to(out.dtype.element_ty), mask=there)
    if SPAN > 0:
        high = decoded(first, second, third, fourth, number, block, i, there, ENCODING, True)
        tl.store(at + SPAN, high.to(out.dtype.element_ty), mask=there)


def number_bytes(encoding: str) -> int:
    """Bytes of a block's part of the plane of numbers: the largest."""
    return max(PARTS[encoding])


def decode_rows(
    layout: Planes, planes: torch.Tensor, indices: torch.Tensor | None, dtype: torch.dtype
) -> torch.Tensor:
    """Rows of a table; all of them where there are no indices."""
    shape = [layout.rows] if indices is None else list(indices.shape)
    out = torch.empty([*shape, layout.columns], dtype=dtype, device=planes.device)
    if out.numel():
        bytes_of_block = number_bytes(layout.encoding)
        row_bytes = layout.blocks * bytes_of_block
        parts = [*layout.planes(planes), planes, planes][:4]
        planes_rows_kernel[(out.numel() // layout.columns, cdiv(row_bytes, BLOCK))](
            *parts,
            planes if indices is None else indices.contiguous(),
            out,
            layout.columns,
            row_bytes,
            HAS_INDICES=indices is not None,
            ENCODING=layout.encoding,
            BYTES=bytes_of_block,
            SPAN=SPANS[layout.encoding],
            BLOCK=BLOCK,
        )
    return out


def run_on_gpu(
    planes: torch.Tensor,
    indices: torch.Tensor,
    rows: int,
    columns: int,
    encoding: str,
    dtype: torch.dtype,
) -> torch.Tensor:
    """See `planes_rows_reference`; nothing checks the indices."""
    return decode_rows(Planes(rows, columns, encoding), planes, indices, dtype)
