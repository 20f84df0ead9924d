"""The small arrays by which a step finds its pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from max.pipelines.kv_cache.block_manager import BlockManager
from max.pipelines.kv_cache.block_pool import NULL_PAGE
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
    count = blocks.num_tables
    width = max([pages.rows.shape[1] for pages in held], default=1)
    by_request = np.array([pages.row(width) for pages in held], np.uint32)
    # One copy for the usual single table, whose rows lie in order either way.
    rows = np.ascontiguousarray(by_request.reshape(len(held), count, width).swapaxes(0, 1))
    tables: list[UInt32Array] = []
    for index, group in enumerate(blocks.groups):
        of_group = rows[len(tables) : len(tables) + group.tables]
        if isinstance(group.rule, StatePages):
            ends = np.array([pages.ends[index] for pages in held], dtype=np.int64)
            of_group = _states(of_group, blocks.page_size, np.array([processed, after]), ends)
        tables.extend(of_group)
    return tables


def _states(
    rows: UInt32Array, page_size: int, lengths: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> UInt32Array:
    """The pages of the states before and after a step, [tables, batch, 2]; see `StatePages`.

    Args:
        rows: [tables, batch, width].
        page_size: tokens of a page.
        lengths: [2, batch], tokens before and after the step.
        ends: [batch], the position behind each request's last page.
    """
    batch = np.arange(len(ends))
    before, after = (rows[:, batch, np.maximum(n - 1, 0) // page_size] for n in lengths)
    after = np.where(after == NULL_PAGE, rows[:, batch, ends - 1], after)
    return np.stack([np.where(lengths[0] == 0, NULL_PAGE, before), after], axis=-1)
