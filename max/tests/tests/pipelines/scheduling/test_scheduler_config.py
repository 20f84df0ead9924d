"""Limits that make no sense are refused, with the flag's name."""

from __future__ import annotations

import pytest

from max.pipelines.config import PipelineRuntimeConfig
from max.pipelines.kv_cache import MemoryPlan
from max.pipelines.scheduling import SchedulerConfig


def test_defaults_are_the_documented_ones() -> None:
    config = SchedulerConfig(max_batch_size=4)
    assert config.max_batch_input_tokens == 8192
    assert config.enable_chunked_prefill
    assert config.kvcache_ce_watermark == 0.95


def test_a_batch_without_requests_is_refused() -> None:
    with pytest.raises(ValueError, match="--max-batch-size must be at least 1, got 0"):
        SchedulerConfig(max_batch_size=0)


def test_a_budget_below_a_token_per_request_is_refused() -> None:
    with pytest.raises(ValueError, match=r"--max-batch-input-tokens \(3\) must be at least"):
        SchedulerConfig(max_batch_size=4, max_batch_input_tokens=3)


def test_a_length_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="--max-length must be at least 1, got 0"):
        SchedulerConfig(max_batch_size=4, max_seq_len=0)


@pytest.mark.parametrize("watermark", [-0.1, 1.1])
def test_a_watermark_out_of_range_is_refused(watermark: float) -> None:
    with pytest.raises(ValueError, match=f"--kvcache-ce-watermark .* got {watermark}"):
        SchedulerConfig(max_batch_size=4, kvcache_ce_watermark=watermark)


def test_a_total_below_the_longest_request_is_refused() -> None:
    with pytest.raises(ValueError, match=r"--max-batch-total-tokens \(99\) must be at least"):
        SchedulerConfig(max_batch_size=4, max_batch_total_tokens=99, max_seq_len=100)


def make_runtime(**settings: float | bool) -> PipelineRuntimeConfig:
    return PipelineRuntimeConfig.model_validate({"max_batch_input_tokens": 77, **settings})


def make_plan(*, max_length: int = 99, total_num_pages: int = 64) -> MemoryPlan:
    return MemoryPlan(
        device="cpu",
        available_bytes=0,
        device_memory_utilization=1,
        weights_bytes=0,
        activation_bytes=0,
        bytes_per_page=0,
        page_size=16,
        pages_of_request=-(-max_length // 16),
        total_num_pages=total_num_pages,
        max_length=max_length,
        max_batch_size=8,
    )


def test_options_and_plan_become_limits() -> None:
    runtime = make_runtime(
        max_batch_total_tokens=1234, enable_chunked_prefill=False, kvcache_ce_watermark=0.5
    )
    assert SchedulerConfig.of(runtime, make_plan(total_num_pages=55)) == SchedulerConfig(
        max_batch_size=8,
        max_batch_input_tokens=77,
        max_batch_total_tokens=1234,
        max_seq_len=99,
        enable_chunked_prefill=False,
        kvcache_ce_watermark=0.5,
    )


def test_pages_for_all_requests_need_no_watermark() -> None:
    """Of 8 requests of 7 pages each the last one would have waited."""
    config = SchedulerConfig.of(make_runtime(), make_plan(total_num_pages=8 * 7))
    assert config.kvcache_ce_watermark == 1.0


@pytest.mark.parametrize("watermark", [0.5, 0.95])
def test_a_watermark_that_is_asked_for_is_kept(watermark: float) -> None:
    runtime = make_runtime(kvcache_ce_watermark=watermark)
    config = SchedulerConfig.of(runtime, make_plan(total_num_pages=8 * 7))
    assert config.kvcache_ce_watermark == watermark


def test_batch_size_stays_within_the_token_budget() -> None:
    runtime = make_runtime(max_batch_input_tokens=5)
    assert SchedulerConfig.of(runtime, make_plan()).max_batch_size == 5


def test_few_pages_limit_the_length() -> None:
    plan = make_plan(max_length=10_000, total_num_pages=3)
    assert SchedulerConfig.of(make_runtime(), plan).max_seq_len == 3 * 16


def test_without_a_plan_the_options_alone_count() -> None:
    config = SchedulerConfig.of(make_runtime(max_batch_size=3), None)
    assert (config.max_batch_size, config.max_seq_len) == (3, None)
    assert SchedulerConfig.of(make_runtime(), None).max_batch_size == 77


def test_a_total_below_the_longest_request_s_is_refused() -> None:
    runtime = make_runtime(max_batch_total_tokens=98)
    with pytest.raises(ValueError, match=r"--max-batch-total-tokens \(98\) must be at least .*99"):
        SchedulerConfig.of(runtime, make_plan())


@pytest.mark.parametrize("settings", [{"target_step_ms": 0}, {"target_step_ms": -1}])
def test_a_target_that_no_step_can_keep_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"--target-step-ms .* must be above 0"):
        SchedulerConfig(max_batch_size=4, **settings)  # type: ignore[arg-type]


def test_a_target_needs_prompts_in_pieces() -> None:
    with pytest.raises(ValueError, match="--no-enable-chunked-prefill"):
        SchedulerConfig(max_batch_size=4, target_step_ms=9, enable_chunked_prefill=False)


def test_a_target_of_nothing_is_none() -> None:
    assert SchedulerConfig.of(make_runtime(target_step_ms=0), None).target_step_ms is None
    assert SchedulerConfig.of(make_runtime(target_step_ms=99.5), None).target_step_ms == 99.5
