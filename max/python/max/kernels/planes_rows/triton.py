"""Decoded rows of a quantized table on a GPU: a program per block of a row's bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from max.kernels.gpu.language import Pointer, Width, cdiv, gpu_kernel, tl
from max.kernels.gpu.tuning import Config
from max.kernels.layouts.planes import PARTS, Planes
from max.kernels.layouts.triton_planes import column_of, decoded

BLOCK = 512
# How many numbers a byte holds, and how many elements these are apart.
_NUMBERS = {
    "q8_0": (1, 0),
    "q4_0": (2, 16),
    "q4_1": (2, 16),
    "q5_0": (2, 16),
    "q5_1": (2, 16),
    "q2_k": (4, 32),
    "q3_k": (4, 32),
    "q4_k": (2, 32),
    "q5_k": (2, 32),
    "q6_k": (2, 64),
    "iq4_nl": (2, 16),
    "iq4_xs": (2, 16),
    "mxfp4": (2, 16),
    "tq2_0": (4, 32),
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
    PER_BYTE: tl.constexpr,
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
    at = out + place * columns + column_of(byte, BYTES, PER_BYTE, SPAN)
    for own in tl.static_range(PER_BYTE):
        found = decoded(first, second, third, fourth, number, block, i, there, ENCODING, own)
        tl.store(at + own * SPAN, found.to(out.dtype.element_ty), mask=there)


def encoding_constants(encoding: str) -> dict[str, Any]:
    """What kernels are compiled with for an encoding; "" for elements that are no blocks."""
    per_byte, span = _NUMBERS.get(encoding, (1, 0))
    width = number_bytes(encoding) if encoding else 1
    return {"ENCODING": encoding, "BYTES": width, "PER_BYTE": per_byte, "SPAN": span}


def tile_of(config: Config, encoding: str) -> Config:
    """A line of a table for an encoding: bytes of four numbers make twice as many columns.

    Those take the registers that loads under way would.
    """
    if _NUMBERS.get(encoding, (1, 0))[0] < 4:
        return config
    blocks = {**config.blocks, "BLOCK_J": config.blocks["BLOCK_J"] // 2}
    return replace(config, blocks=blocks, num_stages=1)


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
        row_bytes = layout.blocks * number_bytes(layout.encoding)
        parts = [*layout.planes(planes), planes, planes][:4]
        planes_rows_kernel[(out.numel() // layout.columns, cdiv(row_bytes, BLOCK))](
            *parts,
            planes if indices is None else indices.contiguous(),
            out,
            layout.columns,
            row_bytes,
            HAS_INDICES=indices is not None,
            BLOCK=BLOCK,
            **encoding_constants(layout.encoding),
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
