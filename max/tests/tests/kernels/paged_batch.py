"""Ragged batches over a paged cache, for tests of the ops that read and write it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from max.kernels.eight_bit_entries import as_written, decoded, encoded


@dataclass
class PagedBatch:
    """Requests of `past + new` tokens, with their pages scattered in a cache of random content.

    Attributes:
        past: tokens of each request that the cache holds.
        new: rows of each request in the batch.
        kv_blocks: [pages, 2, layers, page_size, kv_heads, head_dim], and with factors behind them
            vectors of 8 bits; in memory as the cache has them, a head's tokens in sequence.
        lookup_table: uint32 [batch, max_pages].
    """

    past: list[int]
    new: list[int]
    kv_blocks: torch.Tensor
    lookup_table: torch.Tensor

    @property
    def rows(self) -> int:
        return sum(self.new)

    @property
    def input_row_offsets(self) -> torch.Tensor:
        return torch.tensor([0, *self.new]).cumsum(0).to(torch.uint32)

    @property
    def cache_lengths(self) -> torch.Tensor:
        return torch.tensor(self.past).to(torch.uint32)

    def rows_of(self, request: int) -> slice:
        start = sum(self.new[:request])
        return slice(start, start + self.new[request])

    def cached(self, request: int, layer: int) -> torch.Tensor:
        """Keys and values of a request, token by token: [2, past + new, kv_heads, head_dim].

        Of a cache of 8 bits they are bytes, with their factors.
        """
        page_size = self.kv_blocks.shape[3]
        tokens = range(self.past[request] + self.new[request])
        pages = [int(self.lookup_table[request, t // page_size]) for t in tokens]
        found = [
            as_written(self.kv_blocks)[page, :, layer, t % page_size]
            for page, t in zip(pages, tokens, strict=True)
        ]
        return torch.stack(found, 1)

    def wide(self) -> PagedBatch:
        """The same with the numbers that the cache stands for, in float32."""
        return PagedBatch(self.past, self.new, decoded(self.kv_blocks), self.lookup_table)


def make_paged_batch(
    past: list[int],
    new: list[int],
    *,
    page_size: int = 4,
    layers: int = 2,
    kv_heads: int = 2,
    head_dim: int = 8,
    dtype: torch.dtype = torch.float32,
) -> PagedBatch:
    needed = [-(-(p + n) // page_size) for p, n in zip(past, new, strict=True)]
    order = torch.randperm(sum(needed) + 3).tolist()
    table = torch.zeros((len(past), max(needed, default=0)), dtype=torch.int64)
    for request, count in enumerate(needed):
        for i in range(count):
            table[request, i] = order.pop()
    shape = (sum(needed) + 3, 2, layers, kv_heads, page_size, head_dim)
    kv_blocks = encoded(torch.randn(shape), dtype).view(dtype).transpose(3, 4)
    return PagedBatch(past, new, kv_blocks, table.to(torch.uint32))


def spread_pages(kv_blocks: torch.Tensor) -> torch.Tensor:
    """The same pages in a memory with NaNs behind each, and the heads of a token in sequence."""
    flat = kv_blocks.flatten(1)
    memory = torch.full((flat.shape[0], flat.shape[1] + 24), torch.nan, dtype=flat.dtype)
    memory[:, : flat.shape[1]] = flat
    pages: torch.Tensor = memory[:, : flat.shape[1]].unflatten(1, kv_blocks.shape[1:])
    return pages
