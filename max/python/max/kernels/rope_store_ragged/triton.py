"""Rotation of queries and keys, and the way into the cache, on a GPU: one pass over all three.

A program has one row of the batch and some of its heads: first the queries' heads, then those of
keys and values.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from max.kernels.eight_bit_entries import entry_elements, has_factors
from max.kernels.gpu.float8 import store_with_factors
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

# Heads of a program.
HEADS = 8


@gpu_function
def scaled(
    normed: Value,
    source: Pointer,
    weight: Pointer,
    inside: Value,
    offset: Number,
    MULTIPLY_BEFORE_CAST: tl.constexpr,
) -> Value:
    """Normed elements times a norm's weights, rounded as `max::rms_norm` does it."""
    factor = tl.load(weight, mask=inside, other=0.0).to(tl.float32) + offset
    if not MULTIPLY_BEFORE_CAST:
        factor = factor.to(weight.dtype.element_ty).to(source.dtype.element_ty).to(tl.float32)
        normed = normed.to(source.dtype.element_ty).to(tl.float32)
    return (normed * factor).to(source.dtype.element_ty).to(tl.float32)


@gpu_function
def turned(
    source: Pointer,
    weight: Pointer,
    angles: Pointer,
    i: Value,
    inside: Value,
    half: Width,
    elements: Width,
    eps: Number,
    offset: Number,
    INTERLEAVED: tl.constexpr,
    IS_TURNED: tl.constexpr,
    IS_NORMED: tl.constexpr,
    MULTIPLY_BEFORE_CAST: tl.constexpr,
) -> Value:
    """Elements i of heads that begin at `source`, normed, and turned by a row's angles; in float32.

    Args:
        source: pointers, [heads, 1].
        weight: of the norm; any without one.
        angles: of the row, cosine and sine of each pair.
        i: elements of a head, [1, elements].
        inside: which of them exist, [heads, elements].
        half: pairs that are turned.
        elements: of a head.
        eps: of the norm.
        offset: of the norm's weights.
        INTERLEAVED: whether elements 2i and 2i + 1 form a pair, or i and i + half.
        IS_TURNED: whether there are angles at all.
        IS_NORMED: whether there is a norm.
        MULTIPLY_BEFORE_CAST: see `max::rms_norm`.
    """
    x = tl.load(source + i, mask=inside, other=0.0).to(tl.float32)
    if IS_NORMED:
        root = tl.math.rsqrt(tl.sum(x * x, 1)[:, None] / elements + eps)
        x = scaled(x * root, source, weight + i, i < elements, offset, MULTIPLY_BEFORE_CAST)
    if not IS_TURNED:
        return x
    if INTERLEAVED:
        pair = i // 2
        is_first = i % 2 == 0
        partner = tl.where(is_first, i + 1, i - 1)
    else:
        is_first = i < half
        pair = tl.where(is_first, i, i - half)
        partner = tl.where(is_first, i + half, i - half)
    in_pair = i < 2 * half
    other = tl.load(source + partner, mask=inside & in_pair, other=0.0).to(tl.float32)
    if IS_NORMED:
        at = weight + partner
        other = scaled(other * root, source, at, in_pair, offset, MULTIPLY_BEFORE_CAST)
    cos = tl.load(angles + 2 * pair, mask=in_pair, other=1.0)
    sin = tl.load(angles + 2 * pair + 1, mask=in_pair, other=0.0)
    return x * cos + tl.where(is_first, -other, other) * sin


@gpu_kernel
def rope_store_ragged_kernel(
    q: Pointer,
    k: Pointer,
    v: Pointer,
    q_weight: Pointer,
    k_weight: Pointer,
    offsets: Pointer,
    freqs_cis: Pointer,
    kv_blocks: Pointer,
    cache_lengths: Pointer,
    lookup_table: Pointer,
    out: Pointer,
    q_row: Width,
    k_row: Width,
    v_row: Width,
    heads: Width,
    kv_heads: Width,
    head_dim: Width,
    width: Width,
    half: Width,
    page_stride: Width,
    token_stride: Width,
    head_stride: Width,
    values_at: Width,
    layer_at: Width,
    page_size: Width,
    batch: Size,
    lookup_width: Size,
    eps: Number,
    offset: Number,
    INTERLEAVED: tl.constexpr,
    IS_TURNED: tl.constexpr,
    IS_NORMED: tl.constexpr,
    MULTIPLY_BEFORE_CAST: tl.constexpr,
    HAS_FACTORS: tl.constexpr,
    HEADS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Some heads of one row. `values_at` and `layer_at` are places in a page, in elements; a vector
    in the cache has `width` of them."""
    row = tl.program_id(0).to(tl.int64)
    block = tl.program_id(1)
    request = request_of(tl.program_id(0), offsets, batch, 1)
    first = tl.load(offsets + request).to(tl.int64)
    position = tl.load(cache_lengths + request).to(tl.int64) + row - first
    angles = freqs_cis + position * 2 * half
    i = tl.arange(0, BLOCK)[None, :]
    query_blocks = tl.cdiv(heads, HEADS)
    if block < query_blocks:
        head = (block * HEADS + tl.arange(0, HEADS))[:, None]
        inside = (head < heads) & (i < head_dim)
        source = q + row * q_row + head * head_dim
        result = turned(
            source,
            q_weight,
            angles,
            i,
            inside,
            half,
            head_dim,
            eps,
            offset,
            INTERLEAVED,
            IS_TURNED,
            IS_NORMED,
            MULTIPLY_BEFORE_CAST,
        )
        at_query = out + row * heads * head_dim + head * head_dim + i
        tl.store(at_query, result.to(out.dtype.element_ty), mask=inside)
    else:
        head = ((block - query_blocks) * HEADS + tl.arange(0, HEADS))[:, None]
        inside = (head < kv_heads) & (i < head_dim)
        source = k + row * k_row + head * head_dim
        key = turned(
            source,
            k_weight,
            angles,
            i,
            inside,
            half,
            head_dim,
            eps,
            offset,
            INTERLEAVED,
            IS_TURNED,
            IS_NORMED,
            MULTIPLY_BEFORE_CAST,
        )
        page = tl.load(lookup_table + request * lookup_width + position // page_size).to(tl.int64)
        slot = (position % page_size) * token_stride
        vector = kv_blocks + page * page_stride + layer_at + slot + head * head_stride
        # Rounded as the reference does it: to the keys' type first.
        rounded = key.to(k.dtype.element_ty)
        value = tl.load(v + row * v_row + head * head_dim + i, mask=inside, other=0.0)
        if HAS_FACTORS:
            store_with_factors(vector, i, rounded.to(tl.float32), inside, head_dim)
            store_with_factors(vector + values_at, i, value.to(tl.float32), inside, head_dim)
        else:
            tl.store(vector + i, rounded.to(kv_blocks.dtype.element_ty), mask=inside)
            place = vector + values_at + i
            tl.store(place, value.to(kv_blocks.dtype.element_ty), mask=inside)


class HeadNorms(NamedTuple):
    """Norms of the heads of queries and keys, see `max::rms_norm`."""

    q_weight: torch.Tensor
    k_weight: torch.Tensor
    eps: float
    weight_offset: float
    multiply_before_cast: bool


def run_on_gpu(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    input_row_offsets: torch.Tensor,
    freqs_cis: torch.Tensor | None,
    kv_blocks: torch.Tensor,
    cache_lengths: torch.Tensor,
    lookup_table: torch.Tensor,
    layer: int,
    interleaved: bool,
) -> torch.Tensor | None:
    """See `rope_store_ragged_reference`.

    None where a page's elements are not in sequence, or the device does not know the cache's
    numbers of 8 bits.
    """
    cache = (kv_blocks, cache_lengths, lookup_table, layer, interleaved)
    return rope_and_store(None, q, k, v, input_row_offsets, freqs_cis, *cache)


def rope_and_store(
    norms: HeadNorms | None,
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    input_row_offsets: torch.Tensor,
    freqs_cis: torch.Tensor | None,
    kv_blocks: torch.Tensor,
    cache_lengths: torch.Tensor,
    lookup_table: torch.Tensor,
    layer: int,
    interleaved: bool,
) -> torch.Tensor | None:
    """`run_on_gpu`, after norms if there are any."""
    if not has_dense_pages(kv_blocks) or not lookup_table.is_contiguous():
        return None
    if not reads_cache_of(kv_blocks.dtype, q.device):
        return None
    # They may be columns of one tensor: of a stacked projection.
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    layers, page_size, kv_heads, width = kv_blocks.shape[2:]
    head_dim = entry_elements(kv_blocks)
    heads = q.shape[-1] // head_dim
    out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    if not len(q):
        return out
    of_layer = page_size * kv_heads * width
    rope_store_ragged_kernel[(len(q), cdiv(heads, HEADS) + cdiv(kv_heads, HEADS))](
        q,
        k,
        v,
        q if norms is None else norms.q_weight.contiguous(),
        q if norms is None else norms.k_weight.contiguous(),
        input_row_offsets,
        q if freqs_cis is None else freqs_cis.contiguous(),
        kv_blocks,
        cache_lengths,
        lookup_table,
        out,
        q.stride(0),
        k.stride(0),
        v.stride(0),
        heads,
        kv_heads,
        head_dim,
        width,
        0 if freqs_cis is None else freqs_cis.shape[1],
        kv_blocks.stride(0),
        kv_blocks.stride(3),
        kv_blocks.stride(4),
        layers * of_layer,
        layer * of_layer,
        page_size,
        len(cache_lengths),
        lookup_table.shape[-1],
        0.0 if norms is None else norms.eps,
        0.0 if norms is None else norms.weight_offset,
        INTERLEAVED=interleaved,
        IS_TURNED=freqs_cis is not None,
        IS_NORMED=norms is not None,
        MULTIPLY_BEFORE_CAST=norms is not None and norms.multiply_before_cast,
        HAS_FACTORS=has_factors(kv_blocks.dtype),
        HEADS=HEADS,
        BLOCK=next_power_of_2(head_dim),
    )
    return out
