"""The scheduler's limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from max.pipelines.config import PipelineRuntimeConfig
    from max.pipelines.kv_cache import MemoryPlan


@dataclass(frozen=True, kw_only=True)
class SchedulerConfig:
    """What a step may hold.

    Attributes:
        max_batch_size: most requests that run at once.
        max_batch_input_tokens: token budget: most tokens that a step computes.
        max_batch_total_tokens: most tokens of all requests of a step together, those in the cache
            included, each request's counted in whole pages; None for no limit.
        max_seq_len: most tokens of a request, prompt and answer; None leaves that to the cache.
        enable_chunked_prefill: whether a prompt may be computed over several steps.
        target_step_ms: milliseconds that a step in which streams wait should take: fewer tokens of
            prompts are computed beside them then. None for no limit but that of tokens.
        kvcache_ce_watermark: while others run, a request begins only if at most this share of the
            pages is in use then; the rest is for the running ones to grow (0 to 1). `of` sets it to
            1 where as many requests as may run fit whole, unless another was asked for.

    Raises:
        ValueError: if a limit is below what it has to hold.
    """

    max_batch_size: int
    max_batch_input_tokens: int = 8192
    max_batch_total_tokens: int | None = None
    max_seq_len: int | None = None
    enable_chunked_prefill: bool = True
    target_step_ms: float | None = None
    kvcache_ce_watermark: float = 0.95

    def __post_init__(self) -> None:
        if self.max_batch_size < 1:
            raise ValueError(f"--max-batch-size must be at least 1, got {self.max_batch_size}")
        if self.max_batch_input_tokens < self.max_batch_size:
            raise ValueError(
                f"--max-batch-input-tokens ({self.max_batch_input_tokens}) must be at least "
                f"--max-batch-size ({self.max_batch_size}): each running request gets a token "
                "per step"
            )
        if self.max_seq_len is not None and self.max_seq_len < 1:
            raise ValueError(f"--max-length must be at least 1, got {self.max_seq_len}")
        total, longest = self.max_batch_total_tokens, self.max_seq_len or 1
        if total is not None and total < longest:
            raise ValueError(
                f"--max-batch-total-tokens ({total}) must be at least the longest request's "
                f"tokens ({longest}), or that one could not end: raise it or lower --max-length"
            )
        target = self.target_step_ms
        if target is not None and (target <= 0 or not self.enable_chunked_prefill):
            raise ValueError(
                f"--target-step-ms ({target:g}) must be above 0, and cannot be kept with "
                "--no-enable-chunked-prefill: steps compute parts of prompts for it"
            )
        if not 0 <= self.kvcache_ce_watermark <= 1:
            raise ValueError(
                f"--kvcache-ce-watermark must be between 0 and 1, got {self.kvcache_ce_watermark}"
            )

    @classmethod
    def of(cls, runtime: PipelineRuntimeConfig, plan: MemoryPlan | None) -> SchedulerConfig:
        """The limits that the command line's options and the memory plan set.

        Without a plan, of a pipeline that was put together by hand, the cache alone says how long
        requests may be.

        Raises:
            ValueError: --max-batch-total-tokens is below the longest request's tokens.
        """
        tokens = runtime.step_tokens
        requests = runtime.max_batch_size if plan is None else plan.max_batch_size
        return cls(
            max_batch_size=min(requests or tokens, tokens),
            max_batch_input_tokens=tokens,
            max_batch_total_tokens=runtime.max_batch_total_tokens,
            max_seq_len=None if plan is None else min(plan.max_length, plan.max_cached_tokens),
            enable_chunked_prefill=runtime.enable_chunked_prefill,
            target_step_ms=runtime.target_step_ms or None,
            kvcache_ce_watermark=_watermark(runtime, plan),
        )


def _watermark(runtime: PipelineRuntimeConfig, plan: MemoryPlan | None) -> float:
    is_asked_for = "kvcache_ce_watermark" in runtime.model_fields_set
    holds_all = plan is not None and plan.holds_all
    return 1.0 if holds_all and not is_asked_for else runtime.kvcache_ce_watermark
