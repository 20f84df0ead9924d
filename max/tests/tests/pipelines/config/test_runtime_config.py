"""What a step may hold, as the flags say it."""

from __future__ import annotations

import pytest

from max.pipelines.config import ConfigurationError, PipelineConfig
from max.pipelines.config.runtime_config import (
    STEP_TOKENS,
    TARGET_STEP_MS,
    DeviceType,
    PipelineRuntimeConfig,
)


@pytest.mark.parametrize(("device", "tokens"), [("gpu", 8192), ("cpu", STEP_TOKENS["cpu"])])
def test_the_token_budget_s_default_is_the_device_s(device: DeviceType, tokens: int) -> None:
    config = PipelineRuntimeConfig()
    config.resolve(device)
    assert config.step_tokens == config.max_batch_input_tokens == tokens


def test_a_given_token_budget_wins_on_every_device() -> None:
    config = PipelineRuntimeConfig(max_batch_input_tokens=77)
    config.resolve("gpu")
    assert config.step_tokens == 77


def test_a_default_token_budget_has_room_for_a_large_batch() -> None:
    config = PipelineRuntimeConfig(max_batch_size=5000)
    config.resolve("cpu")
    assert config.step_tokens == 5000


def test_a_token_budget_that_nobody_settled_is_an_error() -> None:
    with pytest.raises(ValueError, match="max_batch_input_tokens is not settled"):
        assert PipelineRuntimeConfig().step_tokens


def test_steps_are_sized_by_time_on_a_cpu() -> None:
    config = PipelineRuntimeConfig()
    config.resolve("cpu")
    assert config.target_step_ms == TARGET_STEP_MS["cpu"] > 0
    config = PipelineRuntimeConfig()
    config.resolve("gpu")
    assert config.target_step_ms == 0


def test_a_given_target_wins_and_prompts_that_stay_whole_have_none() -> None:
    config = PipelineRuntimeConfig(target_step_ms=0)
    config.resolve("cpu")
    assert config.target_step_ms == 0
    config = PipelineRuntimeConfig(enable_chunked_prefill=False)
    config.resolve("cpu")
    assert config.target_step_ms == 0


def test_a_target_without_prompts_in_pieces_is_refused() -> None:
    with pytest.raises(ConfigurationError) as error:
        PipelineConfig.from_flat_kwargs(target_step_ms=50, enable_chunked_prefill=False)
    assert "target_step_ms=50 (--target-step-ms) has steps compute parts of prompts" in str(
        error.value
    )


def test_a_batch_larger_than_the_token_budget_is_refused() -> None:
    with pytest.raises(ConfigurationError) as error:
        PipelineConfig.from_flat_kwargs(max_batch_size=8, max_batch_input_tokens=7)
    assert "max_batch_size=8 (--max-batch-size) is more than max_batch_input_tokens=7" in str(
        error.value
    )


def test_the_watermark_and_the_total_of_a_batch_are_available() -> None:
    config = PipelineConfig.from_flat_kwargs(
        kvcache_ce_watermark=0.5, max_batch_total_tokens=4096
    ).runtime
    assert (config.kvcache_ce_watermark, config.max_batch_total_tokens) == (0.5, 4096)
