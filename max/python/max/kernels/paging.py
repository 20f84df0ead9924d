"""Where the tokens of a ragged batch stand in the paged KV cache.

A batch of requests is packed without padding. Request i owns the rows
`input_row_offsets[i] : input_row_offsets[i + 1]`, the tokens after the `cache_lengths[i]` that the
cache holds already; token t of it lives in page `lookup_table[i, t // page_size]`, slot
`t % page_size`.
"""

from __future__ import annotations

import torch


def has_dense_pages(kv_blocks: torch.Tensor) -> bool:
    """Whether a page's vectors lie in sequence, first those of a token or first those of a head.

    Args:
        kv_blocks: [pages, keys and values, layers, page_size, kv_heads, elements].
    """
    page = kv_blocks[0]
    return page.is_contiguous() or page.transpose(2, 3).is_contiguous()


def positions_of(input_row_offsets: torch.Tensor, cache_lengths: torch.Tensor) -> torch.Tensor:
    """The position in its request of each row, int64 [rows]."""
    offsets = input_row_offsets.long()
    lengths = offsets[1:] - offsets[:-1]
    shift = cache_lengths.long() - offsets[:-1]
    rows = torch.arange(int(offsets[-1]), device=offsets.device)
    return rows + torch.repeat_interleave(shift, lengths)


def slots_of(
    positions: torch.Tensor,
    input_row_offsets: torch.Tensor,
    lookup_table: torch.Tensor,
    page_size: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The page and the slot in it of each row, two int64 [rows]."""
    offsets = input_row_offsets.long()
    requests = torch.repeat_interleave(
        torch.arange(len(offsets) - 1, device=offsets.device), offsets[1:] - offsets[:-1]
    )
    pages = lookup_table.long()[requests, positions // page_size]
    return pages, positions % page_size
