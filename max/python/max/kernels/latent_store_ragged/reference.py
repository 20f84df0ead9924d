"""What `max::latent_store_ragged` computes (DeepSeek-V2, 2024)."""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import as_written, encoded
from max.kernels.paging import positions_of, slots_of
from max.kernels.rope_store_ragged.reference import rotate


def latent_store_ragged_reference(
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
) -> torch.Tensor:
    """Writes each row's entry, `[norm(latent), turned key]`; gives the queries for such entries.

    A head's key is a matrix times the latent, and the turned key behind it. A query times that is
    the query times the matrix (it has been absorbed) times the latent: so all heads share the
    entries of the cache, which are keys and values at once.

    Args:
        q: [rows, heads * q_width]; the last elements of each head are turned.
        absorbed: [rows, heads * rank], the others times the head's matrix.
        kv: [rows, rank + turned], the latent and the key that is turned.
        weight: [rank], of the RMS norm of latents.
        eps: of that norm.
        heads: query heads.
        input_row_offsets: uint32 [batch + 1], see `max.kernels.paging`.
        freqs_cis: float32 [max_seq_len, turned / 2, 2], cosine and sine of each angle.
        kv_blocks: [pages, 1, layers, page_size, 1, rank + turned]; written to.
        cache_lengths: uint32 [batch].
        lookup_table: uint32 [batch, max_pages].
        layer: which layer of the cache.
        interleaved: see `max::rope_store_ragged`.

    Returns:
        [rows, heads * (rank + turned)].
    """
    rank, turned = len(weight), kv.shape[-1] - len(weight)
    positions = positions_of(input_row_offsets, cache_lengths)
    pages, slots = slots_of(positions, input_row_offsets, lookup_table, kv_blocks.shape[3])
    angles = freqs_cis[positions]
    wide = kv[:, :rank].float()
    normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    latent = weight * normed.to(kv.dtype)
    key = rotate(kv[:, None, rank:], angles, interleaved)[:, 0]
    entry = torch.cat((latent, key), -1)
    as_written(kv_blocks)[pages, 0, layer, slots, 0] = encoded(entry, kv_blocks.dtype)
    query = rotate(q.unflatten(-1, (heads, -1))[..., -turned:], angles, interleaved)
    return torch.cat((absorbed.unflatten(-1, (heads, -1)), query), -1).flatten(1)
