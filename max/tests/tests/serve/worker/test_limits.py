"""Tests of `max.serve.worker.limits`."""

from __future__ import annotations

from pathlib import Path

import pytest

from max.serve.worker.limits import scheduler_config
from tests.serve.scripted_model import PAGE_SIZE, TOTAL_PAGES, make_pipeline, make_plan


def test_options_and_plan_reach_the_scheduler(model_folder: Path) -> None:
    pipeline = make_pipeline(
        model_folder,
        max_batch_input_tokens=77,
        max_batch_total_tokens=1234,
        enable_chunked_prefill=False,
        kvcache_ce_watermark=0.5,
    )
    pipeline.plan = make_plan(max_length=99, max_batch_size=3)

    config = scheduler_config(pipeline)

    assert config.max_batch_size == 3
    assert config.max_batch_input_tokens == 77
    assert config.max_batch_total_tokens == 1234
    assert not config.enable_chunked_prefill
    assert config.kvcache_ce_watermark == 0.5
    assert config.max_seq_len == 99


def test_batch_size_stays_within_the_token_budget(model_folder: Path) -> None:
    assert (
        scheduler_config(make_pipeline(model_folder, max_batch_input_tokens=5)).max_batch_size == 5
    )


def test_few_pages_limit_the_length(model_folder: Path) -> None:
    pipeline = make_pipeline(model_folder)
    pipeline.plan = make_plan(max_length=10 * TOTAL_PAGES * PAGE_SIZE)

    assert scheduler_config(pipeline).max_seq_len == TOTAL_PAGES * PAGE_SIZE


def test_a_total_below_the_longest_request_s_is_refused(model_folder: Path) -> None:
    pipeline = make_pipeline(model_folder, max_batch_total_tokens=98)
    pipeline.plan = make_plan(max_length=99)

    with pytest.raises(ValueError, match=r"--max-batch-total-tokens \(98\) must be at least .*99"):
        scheduler_config(pipeline)


def test_pipeline_without_a_plan_cannot_be_served(model_folder: Path) -> None:
    pipeline = make_pipeline(model_folder)
    pipeline.plan = None

    with pytest.raises(ValueError, match="ScriptedPipeline has no memory plan"):
        scheduler_config(pipeline)
