"""Attention over the paged cache on a GPU: prefill, decoding, and batches of both.

A program has a block of one request's rows with all query heads of one KV head, folded into the
rows of a matrix product, and one of SPLITS parts of the keys. With several parts, which few rows
need to keep the device busy, a second kernel puts them together.
"""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import entry_elements
from max.kernels.flash_attention_ragged.triton_configs import Parts, config_of, splits_of
from max.kernels.flash_attention_ragged.triton_join import join_parts
from max.kernels.flash_attention_ragged.triton_latent import attend_to_latents
from max.kernels.flash_attention_ragged.triton_softmax import (
    bias_of,
    factors_at,
    finite,
    is_seen,
    largest_of,
    scores_of,
    seen_range,
    slots_of,
)
from max.kernels.gpu.language import Number, Pointer, Size, Width, gpu_kernel, next_power_of_2, tl
from max.kernels.gpu.paging import first_of_block, request_of
from max.kernels.gpu.tuning import device_kind, reads_cache_of
from max.kernels.paging import has_dense_pages


@gpu_kernel
def attention_kernel(
    q: Pointer,
    offsets: Pointer,
    kv_blocks: Pointer,
    cache_lengths: Pointer,
    lookup_table: Pointer,
    sinks: Pointer,
    bias: Pointer,
    out: Pointer,
    partial: Pointer,
    largest_of_part: Pointer,
    sum_of_part: Pointer,
    scale: Number,
    softcap: Number,
    window: Width,
    chunk: Width,
    span: Width,
    kv_heads: Width,
    page_stride: Width,
    token_stride: Width,
    head_stride: Width,
    layer_at: Width,
    values_at: Width,
    batch: Size,
    lookup_width: Size,
    GROUP: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    WIDTH: tl.constexpr,
    HEAD_BLOCK: tl.constexpr,
    PAGE_SIZE: tl.constexpr,
    CAUSAL: tl.constexpr,
    HAS_WINDOW: tl.constexpr,
    HAS_CHUNK: tl.constexpr,
    HAS_CAP: tl.constexpr,
    HAS_SINKS: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> None:
    """One block of rows, one KV head, one part of the keys.

    A vector in the cache has WIDTH elements: more than a head's where a factor is behind them.
    """
    PER_BLOCK: tl.constexpr = BLOCK_M // GROUP
    block = tl.program_id(0)
    kv_head = tl.program_id(1)
    part = tl.program_id(2)
    request = request_of(block, offsets, batch, PER_BLOCK)
    first_row = tl.load(offsets + request).to(tl.int32)
    end_row = tl.load(offsets + request + 1).to(tl.int32)
    first_new = first_of_block(block, first_row, request, PER_BLOCK)
    if first_new >= end_row - first_row:
        return
    past = tl.load(cache_lengths + request).to(tl.int32)
    tokens = past + end_row - first_row

    folded = tl.arange(0, BLOCK_M)
    new = first_new + folded // GROUP
    exists = (folded < PER_BLOCK * GROUP) & (first_row + new < end_row)
    position = (past + new)[:, None]
    head = kv_head * GROUP + folded % GROUP
    element = tl.arange(0, HEAD_BLOCK)
    in_head = element < HEAD_DIM
    at_row = ((first_row + new).to(tl.int64) * kv_heads * GROUP + head) * HEAD_DIM
    queries = tl.load(
        q + at_row[:, None] + element[None, :],
        mask=exists[:, None] & in_head[None, :],
        other=0.0,
    )

    last_position = past + tl.minimum(first_new + PER_BLOCK, end_row - first_row) - 1
    begin, end = seen_range(
        past + first_new,
        last_position,
        tokens,
        window,
        chunk,
        part,
        CAUSAL,
        HAS_WINDOW,
        HAS_CHUNK,
        SPLITS,
        BLOCK_N,
    )

    largest = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    if HAS_SINKS:
        # Of the first part alone: a score more, whose value is zero.
        sink = tl.load(sinks + head, mask=exists, other=0.0).to(tl.float32)
        largest = tl.where(part == 0, sink * 1.4426950408889634, largest)
        total = tl.where(part == 0, 1.0, total)
    mixed = tl.zeros([BLOCK_M, HEAD_BLOCK], tl.float32)
    lookup = lookup_table + request * lookup_width
    of_head = kv_blocks + layer_at + kv_head * head_stride
    for start in range(begin, end, BLOCK_N):
        key = start + tl.arange(0, BLOCK_N)
        held = key < end
        slots = slots_of(lookup, key, held, page_stride, token_stride, PAGE_SIZE, BLOCK_N, start)
        keys = tl.load(
            of_head + slots[None, :] + element[:, None],
            mask=held[None, :] & in_head[:, None],
            other=0.0,
        ).to(q.dtype.element_ty)
        if WIDTH > HEAD_DIM:
            factors = factors_at(of_head + slots + HEAD_DIM, held)
            scores = scores_of(queries, keys, scale * factors[None, :], softcap, HAS_CAP)
        else:
            scores = scores_of(queries, keys, scale, softcap, HAS_CAP)
        if HAS_BIAS:
            scores += bias_of(bias, head, key[None, :] - position, span)
        seen = held[None, :] & is_seen(
            key[None, :], position, window, chunk, CAUSAL, HAS_WINDOW, HAS_CHUNK
        )
        scores = tl.where(seen, scores, float("-inf"))
        larger = largest_of(largest, scores)
        weights = tl.math.exp2(scores - finite(larger)[:, None])
        shrink = tl.math.exp2(largest - finite(larger))
        total = total * shrink + tl.sum(weights, 1)
        values = tl.load(
            of_head + values_at + slots[:, None] + element[None, :],
            mask=held[:, None] & in_head[None, :],
            other=0.0,
        ).to(q.dtype.element_ty)
        if WIDTH > HEAD_DIM:
            weights *= factors_at(of_head + values_at + slots + HEAD_DIM, held)[None, :]
        mixed = mixed * shrink[:, None]
        mixed += tl.dot(weights.to(q.dtype.element_ty), values, input_precision="ieee")
        largest = larger

    stored = exists[:, None] & in_head[None, :]
    if SPLITS == 1:
        result = mixed / total[:, None]
        place = out + at_row[:, None] + element[None, :]
        tl.store(place, result.to(out.dtype.element_ty), mask=stored)
    else:
        at_part = ((first_row + new).to(tl.int64) * kv_heads * GROUP + head) * SPLITS + part
        tl.store(partial + at_part[:, None] * HEAD_DIM + element[None, :], mixed, mask=stored)
        tl.store(largest_of_part + at_part, largest, mask=exists)
        tl.store(sum_of_part + at_part, total, mask=exists)


def run_on_gpu(
    q: torch.Tensor,
    input_row_offsets: torch.Tensor,
    kv_blocks: torch.Tensor,
    cache_lengths: torch.Tensor,
    lookup_table: torch.Tensor,
    layer: int,
    scale: float,
    causal: bool,
    window: int,
    chunk: int,
    softcap: float,
    sinks: torch.Tensor | None,
    bias: torch.Tensor | None,
) -> torch.Tensor | None:
    """See `flash_attention_ragged_reference`.

    None where a page's elements are not in sequence, too many heads share a KV head, or the device
    does not know the cache's numbers of 8 bits.
    """
    if not has_dense_pages(kv_blocks) or not lookup_table.is_contiguous():
        return None
    if not reads_cache_of(kv_blocks.dtype, q.device):
        return None
    is_latent = kv_blocks.shape[1] == 1
    run = attend_to_latents if is_latent else attend_to_keys
    cache = (input_row_offsets, kv_blocks, cache_lengths, lookup_table, layer)
    q = q.contiguous()
    return run(q, *cache, scale, causal, window, chunk, softcap, sinks, bias)


def attend_to_keys(
    q: torch.Tensor,
    input_row_offsets: torch.Tensor,
    kv_blocks: torch.Tensor,
    cache_lengths: torch.Tensor,
    lookup_table: torch.Tensor,
    layer: int,
    scale: float,
    causal: bool,
    window: int,
    chunk: int,
    softcap: float,
    sinks: torch.Tensor | None,
    bias: torch.Tensor | None,
) -> torch.Tensor | None:
    """`run_on_gpu` of a cache of keys and values."""
    page_size, kv_heads, width = kv_blocks.shape[3:]
    head_dim = entry_elements(kv_blocks)
    group = q.shape[-1] // (kv_heads * head_dim)
    batch = len(cache_lengths)
    kind = device_kind(q.device)
    config = config_of(kind, group, head_dim * q.itemsize, is_decoding=len(q) == batch)
    if config is None:
        return None
    out = torch.empty_like(q)
    if not len(q):
        return out
    blocks = len(q) // (config.blocks["BLOCK_M"] // group) + batch
    most_tokens = lookup_table.shape[-1] * page_size if len(q) == batch else 0
    splits = splits_of(q.device, batch * kv_heads, most_tokens)
    parts = Parts.of(q, len(q) * group * kv_heads, head_dim, splits)
    of_layer = page_size * kv_heads * width
    attention_kernel[(blocks, kv_heads, splits)](
        q,
        input_row_offsets,
        kv_blocks,
        cache_lengths,
        lookup_table,
        q if sinks is None else sinks.contiguous(),
        q if bias is None else bias.contiguous(),
        out,
        *parts,
        scale,
        softcap,
        window,
        chunk,
        0 if bias is None else bias.shape[1] // 2,
        kv_heads,
        kv_blocks.stride(0),
        kv_blocks.stride(3),
        kv_blocks.stride(4),
        layer * of_layer,
        kv_blocks.shape[2] * of_layer,
        batch,
        lookup_table.shape[-1],
        GROUP=group,
        HEAD_DIM=head_dim,
        WIDTH=width,
        HEAD_BLOCK=max(16, next_power_of_2(head_dim)),
        PAGE_SIZE=page_size,
        CAUSAL=causal,
        HAS_WINDOW=window > 0,
        HAS_CHUNK=chunk > 0,
        HAS_CAP=softcap > 0,
        HAS_SINKS=sinks is not None,
        HAS_BIAS=bias is not None,
        SPLITS=splits,
        **config.launch,
    )
    if splits > 1:
        join_parts(parts, out, head_dim, splits)
    return out
