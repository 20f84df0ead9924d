"""The small arrays by which a step finds its pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from max.pipelines.kv_cache.block_manager import BlockManager
from max.pipelines.kv_cache.errors import KVCacheIntegrityError

if TYPE_CHECKING:
    from max.pipelines.context import TextContext

UInt32Array = npt.NDArray[np.uint32]


class Lookup(NamedTuple):
    """Where a batch's keys and values are.

    Attributes:
        cache_lengths: [batch], tokens of each request that are in the cache before the step.
        lookup_table: [batch, most pages of a request], page ids in token order; rows with fewer
            pages end in the null page, behind the request's last token.
        max_prompt_length: [1], most active tokens of a request.
        max_cache_length: [1], most tokens that a request has in the cache after the step.
    """

    cache_lengths: UInt32Array
    lookup_table: UInt32Array
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
    rows = [blocks.pages_of(ctx.request_id) for ctx in batch]
    for ctx, row, num_tokens in zip(batch, rows, after, strict=True):
        if len(row) < blocks.pages_for(num_tokens):
            raise KVCacheIntegrityError(
                f"pages * page size >= tokens of request '{ctx.request_id}': "
                f"{len(row)} * {blocks.page_size} < {num_tokens}. Call alloc(ctx) before the step."
            )
    table = np.zeros((len(batch), max(map(len, rows), default=1)), dtype=np.uint32)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return Lookup(
        cache_lengths=np.array(processed, dtype=np.uint32),
        lookup_table=table,
        max_prompt_length=np.array([max(active, default=0)], dtype=np.uint32),
        max_cache_length=np.array([max(after, default=0)], dtype=np.uint32),
    )
