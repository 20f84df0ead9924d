"""Limits that make no sense are refused, with the flag's name."""

from __future__ import annotations

import pytest

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
