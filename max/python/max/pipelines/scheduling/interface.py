"""What scheduling asks of the KV cache and of the pipeline that runs its steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from max.pipelines.context import TextContext, TextGenerationOutput
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.scheduling.step import LaunchedStep

if TYPE_CHECKING:
    from max.pipelines.kv_cache.results import AllocationResult


class PageSource(Protocol):
    """Gives pages to requests; `PagedKVCacheManager` is one."""

    @property
    def total_num_pages(self) -> int:
        """All pages."""
        ...

    @property
    def page_size(self) -> int:
        """Tokens of a page."""
        ...

    def pages_for(self, num_tokens: int) -> int:
        """Most pages that a request of that many tokens holds at a time."""
        ...

    def claim(self, request_id: str) -> None:
        """Opens a place for a request, without pages yet."""
        ...

    def contains(self, request_id: str) -> bool:
        """Whether a request has a place."""
        ...

    def reuse_prefix(self, ctx: TextContext) -> int:
        """Shares cached pages of the request's first tokens, which `ctx.tokens` then skips."""
        ...

    def is_prefix_coming(self, ctx: TextContext) -> bool:
        """Whether a request computes the page now that `ctx` could share next."""
        ...

    def announce_prefix(self, ctx: TextContext) -> None:
        """Says that the request computes the full pages of its tokens in the coming steps."""
        ...

    def get_pct_used_blocks_after_allocation(self, ctx: TextContext) -> float:
        """The share of the pages in use if the request's active tokens got theirs; takes none."""
        ...

    def covers(self, ctx: TextContext) -> bool:
        """Whether a request has the pages for its processed and active tokens already."""
        ...

    def try_alloc(self, ctx: TextContext) -> AllocationResult:
        """Takes the pages for the request's processed and active tokens, or none of them."""
        ...

    def release(self, request_id: str) -> None:
        """Gives the request's pages back at once."""
        ...

    def reset_prefix_cache(self) -> None:
        """Forgets all cached prefixes; running requests go on."""
        ...


class AdapterSlots(Protocol):
    """Gives requests the slots of their adapters; `max.pipelines.lora.pool.AdapterPool` is one."""

    def check(self, ctx: TextContext) -> None:
        """Raises `InputError` for a request whose adapter is not known."""
        ...

    def beginnable(self, waiting: Iterable[TextContext]) -> Iterator[TextContext]:
        """The waiting requests, oldest first, whose adapters have a slot or can get one now."""
        ...

    def take(self, ctx: TextContext) -> None:
        """Gives a request that begins its slot."""
        ...

    def release(self, ctx: TextContext) -> None:
        """Takes it back; nothing happens to a request that has none."""
        ...


class StepPipeline(Protocol):
    """Runs steps over requests that have their pages; `TextGenerationPipeline` is one."""

    @property
    def kv_manager(self) -> PageSource:
        """Where the requests' pages are."""
        ...

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        """Runs one step and updates the contexts; see `Pipeline.execute`."""
        ...


@runtime_checkable
class OverlapPipeline(StepPipeline, Protocol):
    """A step pipeline whose `execute` is `collect(launch(inputs))`."""

    def launch(
        self,
        inputs: TextGenerationInputs[TextContext],
        after: LaunchedStep | None = None,
        executor: Executor | None = None,
    ) -> LaunchedStep:
        """Starts a step; when it returns, the next one can be scheduled.

        Args:
            inputs: requests that have their pages. Those with a pending token are in `after`.
            after: the step before, if it is not collected.
            executor: one thread, in which the model runs, for all steps; without it, the model has
                run when this returns.
        """
        ...

    def collect(self, step: LaunchedStep) -> dict[RequestID, TextGenerationOutput]:
        """Waits for a step and updates its contexts; steps are collected in their order.

        Returns:
            The outputs of its requests, but for those that were done when it was collected: what
            it gave them is dropped.
        """
        ...
