"""What `max::flash_attention_ragged` computes."""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import as_written, decoded, entry_elements

# Rows of queries whose scores are in memory at a time: heads * 256 * tokens floats.
_QUERY_BLOCK = 256


def flash_attention_ragged_reference(
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
) -> torch.Tensor:
    """`softmax(q kᵀ · scale + bias + mask) v` of each request over its own tokens in the cache.

    The cache holds the keys and values of the batch's rows already (see `rope_store_ragged`).
    Query heads in equal groups share a KV head (Ainslie et al., 2023). Sums are in float32.

    Args:
        q: [rows, heads * head_dim].
        input_row_offsets: uint32 [batch + 1], see `max.kernels.paging`.
        kv_blocks: [pages, 2, layers, page_size, kv_heads, head_dim]; or [pages, 1, ...] of entries
            that are keys and values at once (see `max.kernels.latent_store_ragged`). In
            8 bits vectors have factors behind them (see `max.kernels.eight_bit_entries`).
        cache_lengths: uint32 [batch], tokens in the cache before this batch's rows.
        lookup_table: uint32 [batch, max_pages].
        layer: which layer of the cache.
        scale: factor of the scores.
        causal: whether a row sees only its own position and earlier ones.
        window: how many positions back (and ahead, unless causal) a row sees, itself included; 0
            for all.
        chunk: size of the blocks of positions, within one of which a row sees others; 0 for all.
        softcap: scaled scores s become `softcap * tanh(s / softcap)`; 0 for s itself.
        sinks: [heads], the score of one more token for each head, whose value is zero.
        bias: float32 [heads, 2 * span + 1], what a score gets for the distance from the row to the
            token, -span to span (farther ones take the outermost); after the cap.

    Returns:
        [rows, heads * head_dim].
    """
    page_size, kv_heads = kv_blocks.shape[3:5]
    head_dim = entry_elements(kv_blocks)
    out = torch.empty_like(q)
    offsets = input_row_offsets.tolist()
    for request, past in enumerate(cache_lengths.tolist()):
        start, end = offsets[request], offsets[request + 1]
        tokens = past + end - start
        pages = lookup_table[request, : -(-tokens // page_size)].long()
        # [2, tokens, kv_heads, head_dim] -> keys and values [kv_heads, tokens, head_dim]
        cached = as_written(kv_blocks)[pages, :, layer].view(kv_blocks.dtype)
        of_tokens = cached.transpose(0, 1).flatten(1, 2)[:, :tokens]
        keys, *others = decoded(of_tokens).transpose(1, 2)
        (values,) = others or [keys]
        for row in range(start, end, _QUERY_BLOCK):
            last = min(row + _QUERY_BLOCK, end)
            queries = q[row:last].float().view(last - row, kv_heads, -1, head_dim)
            positions = torch.arange(row, last, device=q.device) + (past - start)
            added = _mask(positions, tokens, causal, window, chunk)[:, None]
            if bias is not None:
                added = added + _bias(positions, tokens, bias, kv_heads)
            attended = _attend(queries, keys, values, added, scale, softcap, sinks)
            out[row:last] = attended.flatten(1).to(q.dtype)
    return out


def _attend(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    added: torch.Tensor,
    scale: float,
    softcap: float,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """Attention of queries [rows, kv_heads, group, head_dim].

    `added` [kv_heads or nothing, rows, group or 1, tokens] is added to the scores.
    """
    rows, kv_heads, group, head_dim = queries.shape
    folded = queries.permute(1, 0, 2, 3).reshape(kv_heads, rows * group, head_dim)
    scores = (folded @ keys.transpose(1, 2)) * scale
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores.view(kv_heads, rows, group, -1) + added
    if sinks is not None:
        more = sinks.float().view(kv_heads, 1, group, 1).expand(-1, rows, -1, -1)
        weights = torch.softmax(torch.cat((scores, more), -1), -1)[..., :-1]
    else:
        weights = torch.softmax(scores, -1)
    weights = weights.reshape(kv_heads, rows * group, -1)
    return (weights @ values).view(kv_heads, rows, group, head_dim).permute(1, 0, 2, 3)


def _bias(positions: torch.Tensor, tokens: int, bias: torch.Tensor, kv_heads: int) -> torch.Tensor:
    """What rows at positions add to the scores of tokens: [kv_heads, rows, group, tokens]."""
    span = bias.shape[1] // 2
    distance = torch.arange(tokens, device=positions.device) - positions[:, None]
    of_heads = bias[:, distance.clamp(-span, span) + span]
    result: torch.Tensor = of_heads.unflatten(0, (kv_heads, -1)).transpose(1, 2)
    return result


def _mask(
    positions: torch.Tensor, tokens: int, causal: bool, window: int, chunk: int
) -> torch.Tensor:
    """0 where a row at a position sees a token, -inf where not: float32 [rows, tokens]."""
    others = torch.arange(tokens, device=positions.device)
    distance = positions[:, None] - others
    hidden = torch.zeros_like(distance, dtype=torch.bool)
    if causal:
        hidden |= distance < 0
    if window:
        hidden |= (distance if causal else distance.abs()) >= window
    if chunk:
        hidden |= positions[:, None] // chunk != others // chunk
    return torch.zeros(hidden.shape, device=positions.device).masked_fill_(hidden, float("-inf"))
