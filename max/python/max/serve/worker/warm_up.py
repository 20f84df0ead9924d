"""Runs some steps before the first request, so that it does not pay for what is done only once."""

from __future__ import annotations

import time

from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.scheduling import Scheduler, run_steps
from max.serve.worker.interface import ServablePipeline

_PROMPT_LENGTH = 16
_NEW_TOKENS = 3
_SAMPLINGS = (
    SamplingParams(temperature=0.0, seed=0),
    SamplingParams(top_k=20, top_p=0.9, min_p=0.01, repetition_penalty=1.1, seed=0),
)


def warm_up(pipeline: ServablePipeline, scheduler: Scheduler) -> float:
    """Prefills and decodes some made-up requests; nothing of them stays in the cache.

    Returns:
        Seconds that the longest step should take at most, as its tokens took here, first time.
    """
    began = time.monotonic()
    limits = scheduler.config
    max_length = _PROMPT_LENGTH + _NEW_TOKENS
    if limits.max_seq_len is not None and limits.max_seq_len < max_length:
        return 0.0  # Who limits requests to a handful of tokens does not wait for the first one.
    for params in _SAMPLINGS[: limits.max_batch_size]:
        context = TextContext(
            tokens=TokenBuffer([1] * _PROMPT_LENGTH),
            max_length=max_length,
            eos_tracker=EOSTracker(ignore_eos=True),
            sampling_params=params,
        )
        scheduler.add(context)
    for _ in run_steps(pipeline, scheduler):
        pass
    pipeline.kv_manager.reset_prefix_cache()
    return (time.monotonic() - began) * max(1.0, limits.max_batch_input_tokens / _PROMPT_LENGTH)
