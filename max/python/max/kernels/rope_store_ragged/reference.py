"""What `max::rope_store_ragged` computes (Su et al., 2021)."""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import as_written, encoded, entry_elements
from max.kernels.paging import positions_of, slots_of


def rope_store_ragged_reference(
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
) -> torch.Tensor:
    """Turns queries and keys by their positions; writes keys and values to the cache.

    Args:
        q: [rows, heads * head_dim].
        k: [rows, kv_heads * head_dim].
        v: [rows, kv_heads * head_dim].
        input_row_offsets: uint32 [batch + 1], see `max.kernels.paging`.
        freqs_cis: float32 [max_seq_len, rope_dim / 2, 2], cosine and sine of each angle; elements
            of a head beyond rope_dim are not turned; None if none are.
        kv_blocks: [pages, 2, layers, page_size, kv_heads, head_dim]; written to. In 8 bits
            vectors have factors behind them (see `max.kernels.eight_bit_entries`).
        cache_lengths: uint32 [batch].
        lookup_table: uint32 [batch, max_pages].
        layer: which layer of the cache.
        interleaved: whether elements 2i and 2i + 1 form a pair, or i and i + rope_dim / 2.

    Returns:
        The turned queries, [rows, heads * head_dim].
    """
    page_size, kv_heads = kv_blocks.shape[3:5]
    head_dim = entry_elements(kv_blocks)
    positions = positions_of(input_row_offsets, cache_lengths)
    pages, slots = slots_of(positions, input_row_offsets, lookup_table, page_size)
    angles = torch.empty(len(q), 0, 2) if freqs_cis is None else freqs_cis[positions]
    keys = rotate(k.reshape(-1, kv_heads, head_dim), angles, interleaved)
    values = v.reshape(-1, kv_heads, head_dim)
    written = as_written(kv_blocks)
    written[pages, 0, layer, slots] = encoded(keys, kv_blocks.dtype)
    written[pages, 1, layer, slots] = encoded(values, kv_blocks.dtype)
    return rotate(q.reshape(len(q), -1, head_dim), angles, interleaved).flatten(1)


def rotate(x: torch.Tensor, angles: torch.Tensor, interleaved: bool) -> torch.Tensor:
    """Turns pairs of elements of x [rows, heads, head_dim] by angles [rows, rope_dim / 2, 2]."""
    half = angles.shape[1]
    cos, sin = angles[:, None, :, 0], angles[:, None, :, 1]
    turned, rest = x[..., : 2 * half].float(), x[..., 2 * half :]
    if interleaved:
        a, b = turned[..., 0::2], turned[..., 1::2]
    else:
        a, b = turned[..., :half], turned[..., half:]
    pair = (a * cos - b * sin, b * cos + a * sin)
    out = torch.stack(pair, -1).flatten(-2) if interleaved else torch.cat(pair, -1)
    return torch.cat((out.to(x.dtype), rest), -1)
