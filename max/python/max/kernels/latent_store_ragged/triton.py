"""The way of latents into the cache, and the queries that meet them, on a GPU.

The first program of a row norms, turns and writes its entry; each other one puts together the
queries of some heads: the absorbed part as it is, and the turned one.
"""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import has_factors
from max.kernels.gpu.language import (
    Number,
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
from max.kernels.gpu.paging import request_of
from max.kernels.gpu.tuning import reads_cache_of
from max.kernels.paging import has_dense_pages
from max.kernels.rope_store_ragged.triton import turned

# Heads of a program.
HEADS = 4


@gpu_function
def rotated(
    source: Pointer,
    angles: Pointer,
    i: Value,
    inside: Value,
    half: Width,
    INTERLEAVED: tl.constexpr,
) -> Value:
    """`turned`, without a norm."""
    return turned(
        source,
        source,
        angles,
        i,
        inside,
        half,
        half,
        0.0,
        0.0,
        INTERLEAVED,
        True,
        False,
        False,
    )


@gpu_kernel
def latent_store_ragged_kernel(
    q: Pointer,
    absorbed: Pointer,
    kv: Pointer,
    weight: Pointer,
    offsets: Pointer,
    freqs_cis: Pointer,
    kv_blocks: Pointer,
    cache_lengths: Pointer,
    lookup_table: Pointer,
    out: Pointer,
    q_row: Width,
    q_width: Width,
    absorbed_row: Width,
    kv_row: Width,
    heads: Width,
    rank: Width,
    half: Width,
    stored: Width,
    page_stride: Width,
    layer_at: Width,
    page_size: Width,
    batch: Size,
    lookup_width: Size,
    eps: Number,
    INTERLEAVED: tl.constexpr,
    HAS_FACTORS: tl.constexpr,
    HEADS: tl.constexpr,
    RANK_BLOCK: tl.constexpr,
    TURNED_BLOCK: tl.constexpr,
) -> None:
    """An entry of `stored` elements, or some heads of one row; `half` pairs are turned."""
    row = tl.program_id(0).to(tl.int64)
    block = tl.program_id(1)
    request = request_of(tl.program_id(0), offsets, batch, 1)
    first = tl.load(offsets + request).to(tl.int64)
    position = tl.load(cache_lengths + request).to(tl.int64) + row - first
    angles = freqs_cis + position * 2 * half
    width = rank + 2 * half
    i = tl.arange(0, TURNED_BLOCK)[None, :]
    if block == 0:
        page = tl.load(lookup_table + request * lookup_width + position // page_size).to(tl.int64)
        place = kv_blocks + page * page_stride + layer_at + (position % page_size) * stored
        column = tl.arange(0, RANK_BLOCK)
        in_rank = column < rank
        wide = tl.load(kv + row * kv_row + column, mask=in_rank, other=0.0).to(tl.float32)
        normed = wide * tl.math.rsqrt(tl.sum(wide * wide, 0) / rank + eps)
        normed = normed.to(kv.dtype.element_ty).to(tl.float32)
        factor = tl.load(weight + column, mask=in_rank, other=0.0).to(tl.float32)
        latent = (normed * factor).to(kv.dtype.element_ty)
        inside = i < 2 * half
        source = kv + row * kv_row + rank
        key = rotated(source, angles, i, inside, half, INTERLEAVED)
        key = key.to(kv.dtype.element_ty)
        if HAS_FACTORS:
            latent, key = latent.to(tl.float32), key.to(tl.float32)
            largest = tl.max(tl.where(in_rank, tl.abs(latent), 0.0), 0)
            largest = tl.maximum(largest, tl.max(tl.where(inside, tl.abs(key), 0.0)))
            shrink = tl.where(largest > 0.0, tl.math.div_rn(largest, largest * 0.0 + 448.0), 1.0)
            latent = tl.math.div_rn(latent, shrink + tl.zeros_like(latent))
            key = tl.math.div_rn(key, shrink + tl.zeros_like(key))
            tl.store((place + width).to(tl.pointer_type(tl.float32)), shrink)
        tl.store(place + column, latent.to(kv_blocks.dtype.element_ty), mask=in_rank)
        tl.store(place + rank + i, key.to(kv_blocks.dtype.element_ty), mask=inside)
    else:
        head = ((block - 1) * HEADS + tl.arange(0, HEADS))[:, None]
        at_query = out + (row * heads + head) * width
        # Names of their own: those of both branches would have to have one shape.
        element = tl.arange(0, RANK_BLOCK)[None, :]
        copied = (head < heads) & (element < rank)
        part = tl.load(absorbed + row * absorbed_row + head * rank + element, mask=copied)
        tl.store(at_query + element, part.to(out.dtype.element_ty), mask=copied)
        in_head = (head < heads) & (i < 2 * half)
        at_head = q + row * q_row + (head + 1) * q_width - 2 * half
        query = rotated(at_head, angles, i, in_head, half, INTERLEAVED)
        tl.store(at_query + rank + i, query.to(out.dtype.element_ty), mask=in_head)


def run_on_gpu(
    q: torch.Tensor,
    absorbed: torch.Tensor,
    kv: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    heads: int,
    input_row_offsets: torch.Tensor,
    freqs_cis: torch.Tensor,
    kv_blocks: torch.Tensor,
    cache_lengths: torch.Tensor,
    lookup_table: torch.Tensor,
    layer: int,
    interleaved: bool,
) -> torch.Tensor | None:
    """See `latent_store_ragged_reference`.

    None where a page's elements are not in sequence, or the device does not know the cache's
    numbers of 8 bits.
    """
    if not has_dense_pages(kv_blocks) or not lookup_table.is_contiguous():
        return None
    if not reads_cache_of(kv_blocks.dtype, q.device):
        return None
    q, absorbed, kv = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, absorbed, kv))
    rank, width = len(weight), kv.shape[-1]
    out = q.new_empty([len(q), heads * width])
    if not len(q):
        return out
    page_size, stored = kv_blocks.shape[3], kv_blocks.shape[-1]
    latent_store_ragged_kernel[(len(q), 1 + cdiv(heads, HEADS))](
        q,
        absorbed,
        kv,
        weight.contiguous(),
        input_row_offsets,
        freqs_cis.contiguous(),
        kv_blocks,
        cache_lengths,
        lookup_table,
        out,
        q.stride(0),
        q.shape[-1] // heads,
        absorbed.stride(0),
        kv.stride(0),
        heads,
        rank,
        (width - rank) // 2,
        stored,
        kv_blocks.stride(0),
        layer * page_size * stored,
        page_size,
        len(cache_lengths),
        lookup_table.shape[-1],
        eps,
        INTERLEAVED=interleaved,
        HAS_FACTORS=has_factors(kv_blocks.dtype),
        HEADS=HEADS,
        RANK_BLOCK=next_power_of_2(rank),
        TURNED_BLOCK=next_power_of_2(width - rank),
    )
    return out
