"""The limits that a loaded pipeline puts on requests and steps."""

from __future__ import annotations

from max.serve.scheduler import SchedulerConfig
from max.serve.worker.interface import ServablePipeline

# When --max-batch-size is not given: a step of this many decoding requests keeps two CPU cores or
# a GPU busy, and the page count bounds what really runs.
DEFAULT_MAX_BATCH_SIZE = 256


def max_model_len(pipeline: ServablePipeline) -> int:
    """Tokens that one request may have: the model's limit, or all KV pages if they hold fewer."""
    kv_manager = pipeline.kv_manager
    return min(pipeline.max_length, kv_manager.total_num_pages * kv_manager.page_size)


def scheduler_config(pipeline: ServablePipeline) -> SchedulerConfig:
    """The scheduler's limits from the command line's options."""
    runtime = pipeline.pipeline_config.runtime
    batch_size = runtime.max_batch_size or min(
        DEFAULT_MAX_BATCH_SIZE, pipeline.kv_manager.total_num_pages, runtime.max_batch_input_tokens
    )
    return SchedulerConfig(
        max_batch_size=batch_size,
        max_batch_input_tokens=runtime.max_batch_input_tokens,
        max_seq_len=max_model_len(pipeline),
        enable_chunked_prefill=runtime.enable_chunked_prefill,
        kvcache_ce_watermark=runtime.kvcache_ce_watermark,
    )
