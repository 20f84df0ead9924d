"""What the engine holds, told to whoever looks."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from max.serve.messages import HeldRequest, Inspection
from max.serve.telemetry.worker_stats import EngineLoad

if TYPE_CHECKING:
    from max.pipelines.context import TextContext
    from max.pipelines.scheduling import Scheduler
    from max.serve.worker.interface import CountedPages

# Bounds of the answer, which is a few 10 KB then.
MOST_CELLS = 4096
MOST_REQUESTS = 32
MOST_CELLS_OF_REQUEST = 256


def inspect(scheduler: Scheduler, cache: CountedPages) -> Inspection:
    """Reads the books of requests and pages, which does not change them."""
    counts = cache.metrics
    pages_per_cell, cells = cache.page_map(MOST_CELLS)
    return Inspection(
        EngineLoad(
            scheduler.num_running,
            scheduler.num_waiting,
            counts.num_used_pages,
            counts.num_total_pages,
        ),
        [
            _held(context, cache.pages_held(context.request_id), pages_per_cell)
            for context in islice(scheduler.running, MOST_REQUESTS)
        ],
        cache.page_size,
        pages_per_cell,
        cells,
    )


def _held(context: TextContext, pages: list[int], pages_per_cell: int) -> HeldRequest:
    cells = dict.fromkeys((page - 1) // pages_per_cell for page in pages)
    return HeldRequest(
        str(context.request_id),
        context.tokens.prompt_length,
        len(context.tokens),
        context.tokens.processed_length,
        context.max_length,
        context.cached_tokens or 0,
        len(pages),
        list(islice(cells, MOST_CELLS_OF_REQUEST)),
    )
