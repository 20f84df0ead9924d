"""The scheduler's limits, from the command line's options and the memory plan."""

from __future__ import annotations

from max.pipelines.scheduling import SchedulerConfig
from max.serve.worker.interface import ServablePipeline


def scheduler_config(pipeline: ServablePipeline) -> SchedulerConfig:
    """What a step may hold.

    Raises:
        ValueError: The pipeline was made without a memory plan, so nobody knows its limits; or
            --max-batch-total-tokens is below the longest request's.
    """
    plan = pipeline.plan
    if plan is None:
        raise ValueError(f"{type(pipeline).__name__} has no memory plan, which serving needs")
    runtime = pipeline.pipeline_config.runtime
    return SchedulerConfig(
        max_batch_size=min(plan.max_batch_size, runtime.step_tokens),
        max_batch_input_tokens=runtime.step_tokens,
        max_batch_total_tokens=runtime.max_batch_total_tokens,
        max_seq_len=min(plan.max_length, plan.max_cached_tokens),
        enable_chunked_prefill=runtime.enable_chunked_prefill,
        kvcache_ce_watermark=runtime.kvcache_ce_watermark,
    )
