"""How many threads the kernels of a worker's model get."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from max.pipelines.config import PipelineRuntimeConfig
    from max.pipelines.kv_cache import MemoryPlan

# A thread reads so much from its core's caches in the time that another one, which has slept since
# the last step, takes to wake up and help: docs/benchmarks/overhead.md.
_ALONE_BYTES = 12 << 20


def size_threads(runtime: PipelineRuntimeConfig, plan: MemoryPlan) -> None:
    """Leaves a tiny model to one thread, and the other cores to the API process.

    Does nothing where `--num-threads` says how many. To be called before the first step.
    """
    if runtime.num_threads is None and 0 < plan.weights_bytes <= _ALONE_BYTES:
        from max.kernels.thread_pool import set_num_threads

        set_num_threads(1)
