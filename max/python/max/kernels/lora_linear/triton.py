"""Products of adapters on a GPU: down to the rank, then up to the outputs, in float32.

A program has a block of rows and takes the adapters among them one after the other, those of the
largest slots first: prompts have one adapter in a block, decoding as many as it serves. Rows
without an adapter cost reading their slots.

    x [rows, inputs] -- a of each row's slot --> narrow [parts of the inputs, rows, rank]
    narrow, summed over the parts -- b --> added to y
"""

from __future__ import annotations

import torch

from max.kernels.gpu.language import (
    Pointer,
    Size,
    Value,
    Width,
    cdiv,
    gpu_function,
    gpu_kernel,
    next_power_of_2,
    tl,
)

# Rows of a program, inputs of a step, outputs of a program.
BLOCK_M, BLOCK_K, BLOCK_N = 16, 64, 64
# Parts of the inputs that are summed apart, of a program's steps each.
STEPS_OF_PART, MOST_PARTS = 8, 16


@gpu_kernel
def shrink_kernel(
    x: Pointer,
    slots: Pointer,
    a: Pointer,
    scales: Pointer,
    ranks: Pointer,
    narrow: Pointer,
    rows: Size,
    inputs: Width,
    rank: Width,
    of_part: Width,
    BLOCK_M: tl.constexpr,
    BLOCK_K: tl.constexpr,
    RANK_BLOCK: tl.constexpr,
) -> None:
    """Some rows times some inputs of `a`, times the scale; `of_part` inputs of a part."""
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    part = tl.program_id(1)
    column = tl.arange(0, RANK_BLOCK)
    total = tl.zeros([BLOCK_M, RANK_BLOCK], tl.float32)
    left = tl.load(slots + row, mask=row < rows, other=0)
    slot = tl.max(left, 0)
    end = tl.minimum(inputs, (part + 1) * of_part)
    while slot > 0:
        own = left == slot
        in_rank = column < tl.load(ranks + slot - 1)
        of_slot = a + (slot - 1).to(tl.int64) * inputs * rank
        product = tl.zeros([BLOCK_M, RANK_BLOCK], tl.float32)
        for start in range(part * of_part, end, BLOCK_K):
            k = start + tl.arange(0, BLOCK_K)
            values = tl.load(
                x + row.to(tl.int64)[:, None] * inputs + k[None, :],
                mask=own[:, None] & (k < end)[None, :],
                other=0.0,
            )
            matrix = tl.load(
                of_slot + k[:, None] * rank + column[None, :],
                mask=(k < end)[:, None] & in_rank[None, :],
                other=0.0,
            )
            product += tl.dot(values, matrix.to(values.dtype), input_precision="ieee")
        total += product * tl.load(scales + slot - 1)
        left = tl.where(own, 0, left)
        slot = tl.max(left, 0)
    place = (part * rows + row).to(tl.int64)[:, None] * RANK_BLOCK + column[None, :]
    tl.store(narrow + place, total, mask=(row < rows)[:, None])


@gpu_function
def summed_parts(
    narrow: Pointer,
    row: Value,
    rows: Value,
    own: Value,
    PARTS: tl.constexpr,
    RANK_BLOCK: tl.constexpr,
) -> Value:
    """What `shrink_kernel` gave for rows, 0 for those that are not `own`: [rows, rank]."""
    column = tl.arange(0, RANK_BLOCK)
    total = tl.zeros([row.shape[0], RANK_BLOCK], tl.float32)
    for part in range(PARTS):
        place = (part * rows + row).to(tl.int64)[:, None] * RANK_BLOCK + column[None, :]
        total += tl.load(narrow + place, mask=own[:, None], other=0.0)
    return total


@gpu_kernel
def expand_kernel(
    y: Pointer,
    slots: Pointer,
    narrow: Pointer,
    b: Pointer,
    ranks: Pointer,
    affine: Pointer,
    is_affine: Pointer,
    rows: Size,
    outputs: Width,
    panels: Width,
    rank: Width,
    y_row: Width,
    PARTS: tl.constexpr,
    HAS_AFFINE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    RANK_BLOCK: tl.constexpr,
) -> None:
    """Adds some outputs of some rows; `panels` of 16 outputs in `b`."""
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    output = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    column = tl.arange(0, RANK_BLOCK)
    left = tl.load(slots + row, mask=row < rows, other=0)
    slot = tl.max(left, 0)
    place = y + row.to(tl.int64)[:, None] * y_row + output[None, :]
    while slot > 0:
        own = left == slot
        of_slot = tl.load(ranks + slot - 1)
        product = summed_parts(narrow, row, rows, own, PARTS, RANK_BLOCK)
        panel = (slot - 1).to(tl.int64) * panels + output // 16
        matrix = tl.load(
            b + (panel[None, :] * rank + column[:, None]) * 16 + (output % 16)[None, :],
            mask=(column < of_slot)[:, None] & (output < outputs)[None, :],
            other=0.0,
        )
        changes = of_slot > 0
        stored = own[:, None] & (output < outputs)[None, :]
        total = tl.load(place, mask=stored, other=0.0).to(tl.float32)
        total += tl.dot(product, matrix.to(tl.float32), input_precision="tf32")
        if HAS_AFFINE:
            turns = tl.load(is_affine + slot - 1) != 0
            at = affine + (slot - 1).to(tl.int64) * 2 * outputs + output
            used = (output < outputs) & turns
            factor = tl.load(at, mask=used, other=1.0)
            shift = tl.load(at + outputs, mask=used, other=0.0)
            total = factor[None, :] * total + shift[None, :]
            changes = changes | turns
        tl.store(place, total.to(y.dtype.element_ty), mask=stored & changes)
        left = tl.where(own, 0, left)
        slot = tl.max(left, 0)


def warps_of(rank_block: int) -> int:
    """Warps of a program of `expand_kernel`: of larger ranks it holds more."""
    return 4 if rank_block < 64 else 8


def parts_of(inputs: int) -> tuple[int, int]:
    """In how many parts inputs are read, and how many are in one: it depends on the model alone."""
    parts = min(MOST_PARTS, cdiv(inputs, BLOCK_K * STEPS_OF_PART))
    of_part = cdiv(cdiv(inputs, parts), BLOCK_K) * BLOCK_K
    return cdiv(inputs, of_part), of_part


def run_on_gpu(
    y: torch.Tensor,
    x: torch.Tensor,
    slots: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scales: torch.Tensor,
    ranks: torch.Tensor,
    affine: torch.Tensor,
    is_affine: torch.Tensor,
) -> torch.Tensor | None:
    """See `lora_linear_reference`; None where tables are not in sequence."""
    if not (a.is_contiguous() and b.is_contiguous() and affine.is_contiguous()):
        return None
    if y.stride(-1) != 1 or not len(y):
        return None if len(y) else y
    x, slots = x.contiguous(), slots.contiguous()
    rows, inputs = x.shape
    rank = a.shape[-1]
    rank_block = next_power_of_2(rank)
    parts, of_part = parts_of(inputs)
    narrow = torch.empty([parts, rows, rank_block], dtype=torch.float32, device=x.device)
    shrink_kernel[(cdiv(rows, BLOCK_M), parts)](
        x,
        slots,
        a,
        scales,
        ranks,
        narrow,
        rows,
        inputs,
        rank,
        of_part,
        BLOCK_M=BLOCK_M,
        BLOCK_K=BLOCK_K,
        RANK_BLOCK=rank_block,
    )
    expand_kernel[(cdiv(rows, BLOCK_M), cdiv(y.shape[1], BLOCK_N))](
        y,
        slots,
        narrow,
        b,
        ranks,
        affine,
        is_affine,
        rows,
        y.shape[1],
        b.shape[1],
        rank,
        y.stride(0),
        PARTS=parts,
        HAS_AFFINE=True,
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        RANK_BLOCK=rank_block,
        num_warps=warps_of(rank_block),
    )
    return y
