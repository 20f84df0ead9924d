"""The product of rows with the matrices of their experts."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch

from max.kernels.gpu.language import Pointer, Size, Width, cdiv, gpu_kernel, tl
from max.kernels.gpu.paging import first_of_block, request_of
from max.kernels.gpu.tuning import Config, device_kind
from max.kernels.layouts.planes import Planes
from max.kernels.layouts.triton_planes import column_of, decoded
from max.kernels.planes_rows.triton import encoding_constants, number_bytes, tile_of

# BLOCK_J elements of a row of a matrix, or bytes of its plane of numbers.
CONFIGS = {
    "few": {
        "sm_80": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 4, 3),
        "sm_90": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 4, 4),
        "sm_100": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 4, 4),
        "gfx942": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 64}, 4, 2),
    },
    "many": {
        "sm_80": Config({"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_J": 64}, 4, 3),
        "sm_90": Config({"BLOCK_M": 64, "BLOCK_N": 128, "BLOCK_J": 64}, 4, 4),
        "sm_100": Config({"BLOCK_M": 64, "BLOCK_N": 128, "BLOCK_J": 64}, 4, 4),
        "gfx942": Config({"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_J": 64}, 4, 2),
    },
    # Of blocks: a tile is decoded in registers. Of few pairs, then of many by their experts.
    "few planes": {
        "sm_80": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 8, 1),
        "sm_90": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 8, 2),
        "sm_100": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 8, 2),
        "gfx942": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 64}, 8, 1),
    },
    "planes": {
        "sm_80": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 8, 1),
        "sm_90": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 8, 2),
        "sm_100": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 128}, 8, 1),
        "gfx942": Config({"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_J": 64}, 8, 1),
    },
}
# Up to so many pairs, or half as many as there are experts, putting them in order is not worth it.
FEW_PAIRS = 16


@gpu_kernel
def expert_product_kernel(
    x: Pointer,
    first: Pointer,
    second: Pointer,
    third: Pointer,
    fourth: Pointer,
    bias: Pointer,
    experts_of: Pointer,
    order: Pointer,
    starts: Pointer,
    out: Pointer,
    experts: Size,
    rows: Width,
    columns: Width,
    row_bytes: Width,
    PER_ROW: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    IS_SORTED: tl.constexpr,
    ENCODING: tl.constexpr,
    BYTES: tl.constexpr,
    PER_BYTE: tl.constexpr,
    SPAN: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_J: tl.constexpr,
) -> None:
    """BLOCK_N outputs of BLOCK_M pairs of one expert, whose matrix has `rows` rows.

    PER_ROW pairs share a row of x. `row_bytes` of a row of a plane of numbers; without blocks, the
    elements of one.
    """
    block = tl.program_id(1)
    place = tl.arange(0, BLOCK_M)
    if IS_SORTED:
        expert = request_of(block, starts, experts, BLOCK_M)
        begin = tl.load(starts + expert).to(tl.int32)
        end = tl.load(starts + expert + 1).to(tl.int32)
        begin_of_block = begin + first_of_block(block, begin, expert, BLOCK_M)
        if begin_of_block >= end:
            return
        exists = begin_of_block + place < end
        pair = tl.load(order + begin_of_block + place, mask=exists, other=0).to(tl.int64)
    else:
        expert = tl.load(experts_of + block)
        exists = place == 0
        pair = (block + place).to(tl.int64)
    output = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    there = output < rows
    matrix_row = expert.to(tl.int64) * rows + output
    x_row = x + (pair // PER_ROW)[:, None] * columns
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for start in range(0, row_bytes, BLOCK_J):
        j = start + tl.arange(0, BLOCK_J)
        inside = j < row_bytes
        read = exists[:, None] & inside[None, :]
        held = inside[:, None] & there[None, :]
        if ENCODING == "":
            values = tl.load(x_row + j[None, :], mask=read, other=0.0)
            at = first + matrix_row[None, :] * columns + j[:, None]
            numbers = tl.load(at, mask=held, other=0.0).to(values.dtype)
            total += tl.dot(values, numbers, input_precision="ieee")
        else:
            column = column_of(j, BYTES, PER_BYTE, SPAN)
            of_block = matrix_row[None, :] * (row_bytes // BYTES) + (j // BYTES)[:, None]
            i = (j % BYTES)[:, None]
            at = matrix_row[None, :] * row_bytes + j[:, None]
            for own in tl.static_range(PER_BYTE):
                part = decoded(first, second, third, fourth, at, of_block, i, held, ENCODING, own)
                values = tl.load(x_row + column[None, :] + own * SPAN, mask=read, other=0.0)
                total += tl.dot(values, part.to(values.dtype), input_precision="tf32")
    if HAS_BIAS:
        added = tl.load(bias + matrix_row, mask=there, other=0.0).to(tl.float32)
        total += added[None, :]
    stored = exists[:, None] & there[None, :]
    tl.store(
        out + pair[:, None] * rows + output[None, :], total.to(out.dtype.element_ty), mask=stored
    )


class Pairs(NamedTuple):
    """Which rows have which experts.

    Attributes:
        experts: int32 [pairs], by pair.
        order: the pairs by their experts; None where they are few.
        starts: where each expert's begin in that, and where the last one's end, [experts + 1].
    """

    experts: torch.Tensor
    order: torch.Tensor | None
    starts: torch.Tensor | None

    @classmethod
    def of(cls, routes: torch.Tensor, experts: int, is_few: bool) -> Self:
        """Of `routes` of `max::route_tokens`, for so many experts."""
        chosen = routes[:, : routes.shape[1] // 2].to(torch.int32).flatten()
        if is_few:
            return cls(chosen, None, None)
        ordered, order = chosen.sort(stable=True)
        numbers = torch.arange(experts + 1, dtype=torch.int32, device=routes.device)
        return cls(chosen, order, torch.searchsorted(ordered, numbers))


class Matrix(NamedTuple):
    """The matrices of all experts for one product.

    Attributes:
        parts: the planes, or the stack of elements; four, of which the last may be any.
        experts: how many matrices.
        shape: of each.
        encoding: of the blocks; "" for elements.
        bias: [experts, rows], or None.
    """

    parts: list[torch.Tensor]
    experts: int
    shape: tuple[int, int]
    encoding: str
    bias: torch.Tensor | None

    @classmethod
    def of(
        cls,
        stack: torch.Tensor,
        experts: int,
        shape: tuple[int, int],
        encoding: str | None,
        bias: torch.Tensor | None,
    ) -> Self | None:
        """Of a stack in planes of an encoding, or, without one, of elements; None for blocks."""
        if encoding is None:
            if not stack.is_floating_point():
                return None
            return cls([stack.contiguous()] * 4, experts, shape, "", bias)
        planes = Planes(experts * shape[0], shape[1], encoding).planes(stack)
        return cls([*planes, stack, stack, stack][:4], experts, shape, encoding, bias)


def expert_product(matrix: Matrix, x: torch.Tensor, per_row: int, pairs: Pairs) -> torch.Tensor:
    """Of each pair, its expert's matrix times its row of x, plus the bias.

    Args:
        matrix: of all experts.
        x: [pairs / per_row, columns], contiguous.
        per_row: how many pairs, one after the other, have the same row.
        pairs: who has which expert.

    Returns:
        [pairs, rows of a matrix] of x's dtype.
    """
    rows, columns = matrix.shape
    count = len(pairs.experts)
    out = x.new_empty([count, rows])
    is_sorted = pairs.order is not None
    # Of float32 no larger tile fits into registers.
    is_many = is_sorted and x.itemsize < 4
    line = "many" if is_many else "few"
    if matrix.encoding:
        line = "planes" if is_sorted else "few planes"
    config = tile_of(CONFIGS[line][device_kind(x.device)], matrix.encoding)
    of_block = config.blocks["BLOCK_M"]
    blocks = count // of_block + matrix.experts if is_sorted else count
    row_bytes = columns
    if matrix.encoding:
        blocks_of_row = Planes(rows, columns, matrix.encoding).blocks
        row_bytes = blocks_of_row * number_bytes(matrix.encoding)
    expert_product_kernel[(cdiv(rows, config.blocks["BLOCK_N"]), blocks)](
        x,
        *matrix.parts,
        x if matrix.bias is None else matrix.bias.contiguous(),
        pairs.experts,
        pairs.experts if pairs.order is None else pairs.order,
        pairs.experts if pairs.starts is None else pairs.starts,
        out,
        matrix.experts,
        rows,
        columns,
        row_bytes,
        PER_ROW=per_row,
        HAS_BIAS=matrix.bias is not None,
        IS_SORTED=is_sorted,
        **encoding_constants(matrix.encoding),
        **config.launch,
    )
    return out
