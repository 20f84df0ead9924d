"""Tests of `max.serve.worker.step_recorder`, through an engine of the scripted model."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from max.serve.messages import Cancel, Report, Stop, Submit, Tokens
from max.serve.telemetry.worker_stats import EngineLoad, StepStats, WorkerStats
from tests.serve.scripted_engine import ScriptedChannel, idle, make_submit, run_engine
from tests.serve.scripted_model import TOTAL_PAGES, ScriptedPipeline, make_pipeline


def reports_of(pipeline: ScriptedPipeline, channel: ScriptedChannel) -> list[WorkerStats]:
    """What the engine reports, message by message."""
    run_engine(pipeline, channel)
    return [message.stats for message in channel.sent if isinstance(message, Tokens | Report)]


def steps_of(reports: list[WorkerStats]) -> list[StepStats]:
    return [step for report in reports for step in report.steps]


@pytest.fixture
def pipeline(model_folder: Path) -> ScriptedPipeline:
    return make_pipeline(model_folder)


def test_steps_count_their_tokens(pipeline: ScriptedPipeline) -> None:
    # Prompts of 5 and 7 bytes, answers of 2 tokens.
    submits: list[Submit | Cancel | Stop] = [
        make_submit(pipeline, "greet", max_length=7),
        make_submit(pipeline, "forever", max_length=9),
    ]
    channel = ScriptedChannel([*submits], *idle(1), [Stop()])

    prefill, decode = steps_of(reports_of(pipeline, channel))

    assert (prefill.batch_size, decode.batch_size) == (2, 2)
    assert (prefill.input_tokens, prefill.prompt_tokens, prefill.context_tokens) == (12, 12, 0)
    assert (decode.input_tokens, decode.prompt_tokens, decode.context_tokens) == (2, 0, 12)
    assert (prefill.output_tokens, decode.output_tokens) == (2, 2)
    assert (prefill.terminated, decode.terminated) == (0, 2)
    assert prefill.execution_s > 0
    assert prefill.creation_s > 0


def test_load_is_that_after_the_step(pipeline: ScriptedPipeline) -> None:
    channel = ScriptedChannel(
        [make_submit(pipeline, "greet", max_length=7)], *idle(1), [], [Stop()]
    )

    running, done = reports_of(pipeline, channel)

    # Five tokens are in one page.
    assert running.load == EngineLoad(1, 0, 1, TOTAL_PAGES)
    assert done.load == EngineLoad(0, 0, 0, TOTAL_PAGES)


def test_beginning_is_told_once(pipeline: ScriptedPipeline) -> None:
    submit = make_submit(pipeline, "greet")
    before = time.monotonic()

    first, *rest = steps_of(
        reports_of(pipeline, ScriptedChannel([submit], *idle(2), [Cancel([]), Stop()]))
    )

    assert [begun.request_id for begun in first.begun] == [submit.request_id]
    assert before < first.begun[0].at < time.monotonic()
    assert all(step.begun == [] for step in rest)


def test_step_without_tokens_is_told_with_the_next_one(model_folder: Path) -> None:
    pipeline = make_pipeline(model_folder, max_batch_input_tokens=4, max_batch_size=4)
    submit = make_submit(pipeline, "forever", max_length=100)

    reports = reports_of(pipeline, ScriptedChannel([submit], *idle(1), [Stop()]))

    # "forever" is 7 tokens: 4, then 3.
    assert [[step.prompt_tokens for step in report.steps] for report in reports] == [[4, 3]]


def test_cancelling_the_last_request_is_told_before_sleep(pipeline: ScriptedPipeline) -> None:
    submit = make_submit(pipeline, "forever", max_length=100)
    channel = ScriptedChannel([submit], [Cancel([submit.request_id])], [], [Stop()])

    run_engine(pipeline, channel)

    assert channel.sent[-1] == Report(WorkerStats([], EngineLoad(0, 0, 0, TOTAL_PAGES)))
    assert channel.num_waits == 1


def test_prefix_hits_are_counted_per_step(pipeline: ScriptedPipeline) -> None:
    pipeline.kv_manager.enable_prefix_caching = True
    prompt = "greet" + "x" * 300
    submits = [make_submit(pipeline, prompt, max_length=306) for _ in range(2)]
    channel = ScriptedChannel([submits[0]], [submits[1]], [Stop()])

    first, second = steps_of(reports_of(pipeline, channel))

    assert (first.prefix_tokens_asked, first.prefix_tokens_hit) == (305, 0)
    # Two full pages of 128 tokens.
    assert (second.prefix_tokens_asked, second.prefix_tokens_hit) == (305, 256)
    assert second.prompt_tokens == 49


def test_experts_are_told_once_a_second_and_before_sleep(pipeline: ScriptedPipeline) -> None:
    channel = ScriptedChannel(
        [make_submit(pipeline, "greet", max_length=8)], *idle(2), [], [Stop()]
    )
    counts = {"layers.1.mlp": [1, 2]}

    run_engine(pipeline, channel, expert_tokens=counts)

    reports = [m.stats.expert_tokens for m in channel.sent if isinstance(m, Tokens | Report)]
    assert reports == [counts, {}, {}, counts]
