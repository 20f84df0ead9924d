"""Experts on a GPU: three products in which each row has matrices of its own, then their sum.

    pair p = row p // top_k and its expert number p % top_k
    few pairs   a program for each, and some outputs: no expert has much more than one
    many        pairs in the order of their experts; a program has a block of one expert's pairs
    results stand by pair, wherever they were computed: nothing is added by atomics

How many blocks an expert has the host never knows: blocks are counted as attention counts those of
requests (`max.kernels.gpu.paging`), and those that nobody has return at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from max.kernels.experts.reference import SWISH_PLUS_ONE, tables_of_matrices
from max.kernels.experts.triton_product import FEW_PAIRS, Matrix, Pairs, expert_product
from max.kernels.gated.triton import run_on_gpu as gated
from max.kernels.gpu.language import Number, Pointer, Width, cdiv, gpu_kernel, tl
from max.kernels.lora_linear.triton import run_on_gpu as add_adapters

BLOCK = 1024


@gpu_kernel
def swish_plus_one_kernel(
    gate: Pointer,
    up: Pointer,
    out: Pointer,
    dim: Width,
    limit: Number,
    HAS_LIMIT: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """`(up + 1) * gate * sigmoid(1.702 * gate)` of a block of a row."""
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < dim
    at = tl.program_id(0).to(tl.int64) * dim + column
    wide = tl.load(gate + at, mask=inside, other=0.0).to(tl.float32)
    other = tl.load(up + at, mask=inside, other=0.0).to(tl.float32)
    if HAS_LIMIT:
        wide = tl.minimum(wide, limit)
        other = tl.minimum(tl.maximum(other, -limit), limit)
    result = (other + 1.0) * wide * tl.sigmoid(1.702 * wide)
    tl.store(out + at, result.to(out.dtype.element_ty), mask=inside)


@gpu_kernel
def sum_experts_kernel(
    given: Pointer,
    routes: Pointer,
    out: Pointer,
    dim: Width,
    TOP_K: tl.constexpr,
    IS_WEIGHTED: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """A block of a row: what its experts gave, times their weights, in float32."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < dim
    total = tl.zeros([BLOCK], tl.float32)
    for place in range(TOP_K):
        at = given + (row * TOP_K + place) * dim + column
        value = tl.load(at, mask=inside, other=0.0).to(tl.float32)
        if IS_WEIGHTED:
            value *= tl.load(routes + row * 2 * TOP_K + TOP_K + place)
        total += value
    tl.store(out + row * dim + column, total.to(out.dtype.element_ty), mask=inside)


def run_on_gpu(
    x: torch.Tensor,
    routes: torch.Tensor,
    adapter_of_row: torch.Tensor | None,
    gate: torch.Tensor,
    up: torch.Tensor,
    down: torch.Tensor,
    biases: Sequence[torch.Tensor | None],
    adapters: Sequence[torch.Tensor],
    encodings: Sequence[str],
    are_packed: Sequence[bool],
    experts: int,
    width: int,
    activation: str,
    limit: float,
    scales_input: bool,
) -> torch.Tensor | None:
    """See `experts_reference`; None for matrices in panels, and for blocks as in a file."""
    if any(are_packed):
        return None
    return run_experts(
        x,
        routes,
        adapter_of_row,
        gate,
        up,
        down,
        biases,
        adapters,
        encodings,
        are_packed,
        experts,
        width,
        activation,
        limit,
        scales_input,
    )


class _Adapters(NamedTuple):
    """Adapters of gate, up and down, and of each pair the number of its own; 0 for none."""

    of_pair: torch.Tensor
    tables: Sequence[Sequence[torch.Tensor]]


def run_experts(
    x: torch.Tensor,
    routes: torch.Tensor,
    adapter_of_row: torch.Tensor | None,
    gate: torch.Tensor,
    up: torch.Tensor,
    down: torch.Tensor,
    biases: Sequence[torch.Tensor | None],
    adapters: Sequence[torch.Tensor],
    encodings: Sequence[str],
    are_in_planes: Sequence[bool],
    experts: int,
    width: int,
    activation: str,
    limit: float,
    scales_input: bool,
) -> torch.Tensor | None:
    """See `planes_experts_reference`; None for blocks that lie as in a file."""
    rows, hidden = x.shape
    shapes = ((width, hidden), (width, hidden), (hidden, width))
    found = [
        Matrix.of(stack, experts, shape, encoding if is_placed else None, bias)
        for stack, shape, encoding, is_placed, bias in zip(
            (gate, up, down), shapes, encodings, are_in_planes, biases, strict=True
        )
    ]
    matrices = [matrix for matrix in found if matrix is not None]
    if len(matrices) < len(found):
        return None
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    if not out.numel():
        return out
    top_k = routes.shape[1] // 2
    routes = routes.contiguous()
    pairs = Pairs.of(routes, experts, is_few=rows * top_k <= max(FEW_PAIRS, experts // 2))
    read, per_row = x.contiguous(), top_k
    if scales_input:
        weights = routes[:, top_k:, None]
        read, per_row = (read[:, None] * weights).to(x.dtype).flatten(0, 1), 1
    gates = expert_product(matrices[0], read, per_row, pairs)
    ups = expert_product(matrices[1], read, per_row, pairs)
    own = _adapters(adapter_of_row, adapters, pairs, experts, top_k)
    if own is not None:
        of_pair = read if per_row == 1 else read.repeat_interleave(top_k, 0)
        add_adapters(gates, of_pair, own.of_pair, *own.tables[0])
        add_adapters(ups, of_pair, own.of_pair, *own.tables[1])
    inner = _activated(gates, ups, activation, limit)
    downs = expert_product(matrices[2], inner, 1, pairs)
    if own is not None:
        add_adapters(downs, inner, own.of_pair, *own.tables[2])
    sum_experts_kernel[(rows, cdiv(hidden, BLOCK))](
        downs, routes, out, hidden, TOP_K=top_k, IS_WEIGHTED=not scales_input, BLOCK=BLOCK
    )
    return out


def _adapters(
    adapter_of_row: torch.Tensor | None,
    adapters: Sequence[torch.Tensor],
    pairs: Pairs,
    experts: int,
    top_k: int,
) -> _Adapters | None:
    if adapter_of_row is None:
        return None
    of_row = adapter_of_row.repeat_interleave(top_k, 0)
    number = torch.where(of_row > 0, (of_row - 1) * experts + pairs.experts[:, None] + 1, 0)
    return _Adapters(number.to(torch.int32), tables_of_matrices(adapters))


def _activated(
    gates: torch.Tensor, ups: torch.Tensor, activation: str, limit: float
) -> torch.Tensor:
    if activation != SWISH_PLUS_ONE:
        return gated(gates, ups, activation)
    out = torch.empty_like(gates)
    pairs, width = gates.shape
    swish_plus_one_kernel[(pairs, cdiv(width, BLOCK))](
        gates, ups, out, width, limit, HAS_LIMIT=limit > 0, BLOCK=BLOCK
    )
    return out
