"""What the worker needs of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from max.pipelines.scheduling import PageSource, StepPipeline

if TYPE_CHECKING:
    from max.pipelines.config import PipelineConfig
    from max.pipelines.kv_cache import KVCacheMetrics, MemoryPlan
    from max.pipelines.kv_cache.page_map import PageMap
    from max.pipelines.lib.adapters import Adapters


class CountedPages(PageSource, Protocol):
    """Pages whose books can be read and checked."""

    @property
    def metrics(self) -> KVCacheMetrics: ...

    def check_integrity(self) -> None: ...

    def page_map(self, most_cells: int) -> PageMap: ...

    def pages_held(self, request_id: str) -> list[int]: ...


class ServablePipeline(StepPipeline, Protocol):
    """A text generation pipeline with its configuration and KV cache."""

    @property
    def kv_manager(self) -> CountedPages: ...

    @property
    def pipeline_config(self) -> PipelineConfig: ...

    @property
    def plan(self) -> MemoryPlan | None: ...


@runtime_checkable
class ExpertPipeline(Protocol):
    """A pipeline whose model may have experts."""

    def count_experts(self) -> Mapping[str, Sequence[int]]: ...


@runtime_checkable
class AdaptedPipeline(Protocol):
    """A pipeline whose model may take adapters."""

    @property
    def adapters(self) -> Adapters | None: ...


class PipelineBuilder(Protocol):
    """Makes a pipeline and tells the phases of that as they begin. It can be pickled."""

    def __call__(self, *, on_phase: Callable[[str], None]) -> ServablePipeline: ...
