"""The small arrays by which a step finds its pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from max.pipelines.kv_cache.block_manager import BlockManager
from max.pipelines.kv_cache.errors import KVCacheIntegrityError
from max.pipelines.kv_cache.request_pages import RequestPages, UInt32Array
from max.pipelines.kv_cache.rules import StatePages

if TYPE_CHECKING:
    from max.pipelines.context import TextContext


class Lookup(NamedTuple):
    """Where a batch's entries are.

    Attributes:
        cache_lengths: [batch], tokens of each request that are in the cache before the step.
        lookup_tables: of each table of pages [batch, width], page ids in token order, the null page
            where a request has none; of a table of states [batch, 2], the page to read and that to
            write.
        max_prompt_length: [1], most active tokens of a request.
        max_cache_length: [1], most tokens that a request has in the cache after the step.
    """

    cache_lengths: UInt32Array
    lookup_tables: list[UInt32Array]
    max_prompt_length: UInt32Array
    max_cache_length: UInt32Array


def make_lookup(blocks: BlockManager, batch: Sequence[TextContext], num_steps: int = 1) -> Lookup:
    """Builds the arrays of a batch.

    Raises:
        KVCacheIntegrityError: if a request's pages do not cover its processed and active tokens.
        UnknownRequestError: if a request is not claimed.
    """
    processed = [ctx.tokens.processed_length for ctx in batch]
    active = [ctx.tokens.active_length for ctx in batch]
    after = [p + a + num_steps - 1 for p, a in zip(processed, active, strict=True)]
    held = [blocks.holding(ctx.request_id) for ctx in batch]
    for ctx, pages, num_tokens in zip(batch, held, after, strict=True):
        if pages.num_covered * blocks.page_size < num_tokens:
            raise KVCacheIntegrityError(
                f"pages * page size >= tokens of request '{ctx.request_id}': {pages.num_covered} * "
                f"{blocks.page_size} < {num_tokens}. Call alloc(ctx) before the step."
            )
    return Lookup(
        cache_lengths=np.array(processed, dtype=np.uint32),
        lookup_tables=_tables(blocks, held, processed, after),
        max_prompt_length=np.array([max(active, default=0)], dtype=np.uint32),
        max_cache_length=np.array([max(after, default=0)], dtype=np.uint32),
    )


def _tables(
    blocks: BlockManager, held: list[RequestPages], processed: list[int], after: list[int]
) -> list[UInt32Array]:
    count = sum(group.tables for group in blocks.groups)
    width = max([pages.rows.shape[1] for pages in held], default=1)
    rows = np.concatenate(
        [np.empty((count, 0), np.uint32), *[pages.row(width) for pages in held]], axis=1
    ).reshape(count, len(held), width)
    tables, first = [], 0
    for group in blocks.groups:
        of_group = rows[first : first + group.tables]
        first += group.tables
        if isinstance(group.rule, StatePages):
            of_group = _states(of_group, blocks.page_size, processed, after)
        tables.extend(of_group)
    return tables


def _states(
    rows: UInt32Array, page_size: int, processed: list[int], after: list[int]
) -> UInt32Array:
    """[tables, batch, 2]: the page of the state before the step, and of that after it."""
    ends = np.array([processed, after]).T
    picked = rows[:, np.arange(len(ends))[:, None], np.maximum(ends - 1, 0) // page_size]
    picked[:, ends == 0] = 0
    return picked
