"""Attention to latents on a GPU: entries that are keys and values at once, and all heads share.

A program has a block of one request's rows with some of their heads, and one of SPLITS parts of the
entries. An entry has 576 elements (DeepSeek-V2 and later), which is no power of two: the first 512
and the rest are tiles of their own, each read once, as keys and as values.
"""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import entry_elements, has_factors
from max.kernels.flash_attention_ragged.triton_configs import (
    Parts,
    latent_config_of,
    splits_of,
)
from max.kernels.flash_attention_ragged.triton_join import join_parts
from max.kernels.flash_attention_ragged.triton_softmax import (
    factors_at,
    finite,
    is_seen,
    largest_of,
    seen_range,
    slots_of,
)
from max.kernels.gpu.language import (
    Number,
    Pointer,
    Size,
    Width,
    cdiv,
    gpu_kernel,
    next_power_of_2,
    tl,
)
from max.kernels.gpu.paging import first_of_block, request_of
from max.kernels.gpu.tuning import device_kind


@gpu_kernel
def latent_attention_kernel(
    q: Pointer,
    offsets: Pointer,
    kv_blocks: Pointer,
    cache_lengths: Pointer,
    lookup_table: Pointer,
    sinks: Pointer,
    out: Pointer,
    partial: Pointer,
    largest_of_part: Pointer,
    sum_of_part: Pointer,
    scale: Number,
    softcap: Number,
    window: Width,
    chunk: Width,
    heads: Width,
    page_stride: Width,
    layer_at: Width,
    batch: Size,
    lookup_width: Size,
    HEAD_DIM: tl.constexpr,
    WIDTH: tl.constexpr,
    FIRST: tl.constexpr,
    REST_BLOCK: tl.constexpr,
    PAGE_SIZE: tl.constexpr,
    CAUSAL: tl.constexpr,
    HAS_WINDOW: tl.constexpr,
    HAS_CHUNK: tl.constexpr,
    HAS_CAP: tl.constexpr,
    HAS_SINKS: tl.constexpr,
    SPLITS: tl.constexpr,
    HEADS: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
) -> None:
    """BLOCK_M / HEADS rows, HEADS of their heads, one part of the entries.

    An entry has HEAD_DIM elements, of which FIRST make the first tile; WIDTH of them are in the
    cache: more where a factor is behind them.
    """
    PER_BLOCK: tl.constexpr = BLOCK_M // HEADS
    block = tl.program_id(0)
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
    new = first_new + folded // HEADS
    head = tl.program_id(1) * HEADS + folded % HEADS
    exists = (head < heads) & (first_row + new < end_row)
    position = (past + new)[:, None]
    at_head = (first_row + new).to(tl.int64) * heads + head
    element = tl.arange(0, FIRST)
    more = FIRST + tl.arange(0, REST_BLOCK)
    in_entry = more < HEAD_DIM
    at_row = q + (at_head * HEAD_DIM)[:, None]
    queries = tl.load(at_row + element[None, :], mask=exists[:, None], other=0.0)
    others = tl.load(at_row + more[None, :], mask=exists[:, None] & in_entry[None, :], other=0.0)

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
        sink = tl.load(sinks + head, mask=exists, other=0.0).to(tl.float32)
        largest = tl.where(part == 0, sink * 1.4426950408889634, largest)
        total = tl.where(part == 0, 1.0, total)
    mixed = tl.zeros([BLOCK_M, FIRST], tl.float32)
    mixed_more = tl.zeros([BLOCK_M, REST_BLOCK], tl.float32)
    lookup = lookup_table + request * lookup_width
    of_layer = kv_blocks + layer_at
    for start in range(begin, end, BLOCK_N):
        key = start + tl.arange(0, BLOCK_N)
        held = key < end
        slots = slots_of(lookup, key, held, page_stride, WIDTH, PAGE_SIZE, BLOCK_N, start)
        at_entry = of_layer + slots[:, None]
        entries = tl.load(at_entry + element[None, :], mask=held[:, None], other=0.0)
        entries = entries.to(q.dtype.element_ty)
        rest = tl.load(
            at_entry + more[None, :], mask=held[:, None] & in_entry[None, :], other=0.0
        ).to(q.dtype.element_ty)
        scores = tl.dot(queries, tl.trans(entries), input_precision="ieee")
        scores = tl.dot(others, tl.trans(rest), scores, input_precision="ieee") * scale
        if WIDTH > HEAD_DIM:
            factors = factors_at(of_layer + slots + HEAD_DIM, held)
            scores *= factors[None, :]
        if HAS_CAP:
            scores = softcap * (2.0 * tl.sigmoid(2.0 * scores / softcap) - 1.0)
        seen = held[None, :] & is_seen(
            key[None, :], position, window, chunk, CAUSAL, HAS_WINDOW, HAS_CHUNK
        )
        scores = tl.where(seen, scores * 1.4426950408889634, float("-inf"))
        larger = largest_of(largest, scores)
        weights = tl.math.exp2(scores - finite(larger)[:, None])
        shrink = tl.math.exp2(largest - finite(larger))
        total = total * shrink + tl.sum(weights, 1)
        if WIDTH > HEAD_DIM:
            weights *= factors[None, :]
        short = weights.to(q.dtype.element_ty)
        mixed = tl.dot(short, entries, mixed * shrink[:, None], input_precision="ieee")
        mixed_more = tl.dot(short, rest, mixed_more * shrink[:, None], input_precision="ieee")
        largest = larger

    if SPLITS == 1:
        mixed = mixed / total[:, None]
        mixed_more = mixed_more / total[:, None]
        place = out + (at_head * HEAD_DIM)[:, None]
    else:
        at_part = at_head * SPLITS + part
        place = partial + (at_part * HEAD_DIM)[:, None]
        tl.store(largest_of_part + at_part, largest, mask=exists)
        tl.store(sum_of_part + at_part, total, mask=exists)
    kind = out.dtype.element_ty if SPLITS == 1 else tl.float32
    tl.store(place + element[None, :], mixed.to(kind), mask=exists[:, None])
    tl.store(place + more[None, :], mixed_more.to(kind), mask=exists[:, None] & in_entry[None, :])


def attend_to_latents(
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
    """See `flash_attention_ragged_reference`; q is contiguous.

    None with biases, and for entries of fewer than 16 elements, and of more than 1024.
    """
    page_size, _, width = kv_blocks.shape[3:]
    head_dim = entry_elements(kv_blocks)
    if bias is not None or not 16 <= head_dim <= 1024:
        return None
    heads, batch = q.shape[-1] // head_dim, len(cache_lengths)
    out = torch.empty_like(q)
    if not len(q):
        return out
    is_decoding = len(q) == batch
    config = latent_config_of(
        device_kind(q.device), head_dim * q.itemsize, is_decoding, has_factors(kv_blocks.dtype)
    )
    of_block = config.blocks["BLOCK_M"]
    heads_of_block = min(of_block, next_power_of_2(heads))
    blocks = len(q) // (of_block // heads_of_block) + batch
    head_blocks = cdiv(heads, heads_of_block)
    most_tokens = lookup_table.shape[-1] * page_size if is_decoding else 0
    splits = splits_of(q.device, batch * head_blocks, most_tokens)
    parts = Parts.of(q, len(q) * heads, head_dim, splits)
    first = 1 << (head_dim.bit_length() - 1)
    latent_attention_kernel[(blocks, head_blocks, splits)](
        q,
        input_row_offsets,
        kv_blocks,
        cache_lengths,
        lookup_table,
        q if sinks is None else sinks.contiguous(),
        out,
        *parts,
        scale,
        softcap,
        window,
        chunk,
        heads,
        kv_blocks.stride(0),
        layer * page_size * width,
        batch,
        lookup_table.shape[-1],
        HEAD_DIM=head_dim,
        WIDTH=width,
        FIRST=first,
        REST_BLOCK=max(16, next_power_of_2(head_dim - first)),
        PAGE_SIZE=page_size,
        CAUSAL=causal,
        HAS_WINDOW=window > 0,
        HAS_CHUNK=chunk > 0,
        HAS_CAP=softcap > 0,
        HAS_SINKS=sinks is not None,
        SPLITS=splits,
        HEADS=heads_of_block,
        **config.launch,
    )
    if splits > 1:
        join_parts(parts, out, head_dim, splits)
    return out
