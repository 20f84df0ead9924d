"""Tests of `max.serve.worker.overlapped_engine`; `test_fault_properties.py` has it in trouble."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from pathlib import Path

import pytest

from max.pipelines.context import GenerationStatus, TextContext
from max.pipelines.modeling.types import TextGenerationInputs
from max.pipelines.scheduling import LaunchedStep
from max.serve.messages import Cancel, Failed, Stop, Tokens, ToWorker
from max.serve.worker.crash_record import CrashRecord, last_requests
from max.serve.worker.overlapped_engine import OverlappedEngine
from tests.serve.scripted_engine import ScriptedChannel, idle, make_submit, run_engine
from tests.serve.scripted_model import (
    GREETING,
    ScriptedPipeline,
    make_pipeline,
    scheduler_of,
)


@pytest.fixture
def pipeline(model_folder: Path) -> ScriptedPipeline:
    return make_pipeline(model_folder)


def test_request_runs_to_its_end(pipeline: ScriptedPipeline) -> None:
    submit = make_submit(pipeline, "greet", max_length=8)
    channel = ScriptedChannel([submit], *idle(4), [Stop()])

    run_engine(pipeline, channel, OverlappedEngine)

    assert channel.tokens_of(submit) == pipeline.tokenizer.encode(GREETING).ids[:3]
    last = channel.sent_of(Tokens)[-1]
    assert isinstance(last, Tokens)
    assert last.deltas[0].status is GenerationStatus.MAXIMUM_LENGTH
    assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages


def test_crash_record_names_both_steps(
    pipeline: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = make_submit(pipeline, "greet"), make_submit(pipeline, "hello")
    named: list[Iterable[str]] = []
    launch = pipeline.launch

    def look(
        inputs: TextGenerationInputs[TextContext],
        after: LaunchedStep | None = None,
        executor: Executor | None = None,
    ) -> LaunchedStep:
        named.append(set(last_requests(tmp_path)))
        return launch(inputs, after, executor)

    monkeypatch.setattr(pipeline, "launch", look)
    channel = ScriptedChannel(
        [first], [Cancel([first.request_id]), second], [Cancel([second.request_id])], [Stop()]
    )
    OverlappedEngine(pipeline, scheduler_of(pipeline), channel, CrashRecord(tmp_path)).run()

    assert named == [{first.request_id}, {first.request_id, second.request_id}]


def test_what_a_failed_step_launched_upon_it_fails_too(pipeline: ScriptedPipeline) -> None:
    failing, other = make_submit(pipeline, "raise at 1"), make_submit(pipeline, "greet")
    channel = ScriptedChannel([failing], [], [other], *idle(2), [Stop()])

    scheduler = run_engine(pipeline, channel, OverlappedEngine)

    (failed,) = channel.sent_of(Failed)
    assert isinstance(failed, Failed)
    assert set(failed.lengths) == {failing.request_id, other.request_id}
    assert len(channel.tokens_of(failing)) == 1
    assert not scheduler.has_work


def test_requests_are_taken_while_a_step_runs_and_no_tokens_are_lost(
    pipeline: ScriptedPipeline,
) -> None:
    submits = [make_submit(pipeline, "greet", max_length=9 + number) for number in range(4)]
    rounds: list[list[ToWorker]] = [[submit] for submit in submits]
    channel = ScriptedChannel(*rounds, *idle(12), [Stop()])

    run_engine(pipeline, channel, OverlappedEngine)

    greeting = pipeline.tokenizer.encode(GREETING).ids
    for number, submit in enumerate(submits):
        assert channel.tokens_of(submit) == greeting[: 4 + number]


class OnlyExecutes:
    """A pipeline whose steps cannot be overlapped."""

    def __init__(self, pipeline: ScriptedPipeline) -> None:
        self.kv_manager, self.plan = pipeline.kv_manager, pipeline.plan
        self.pipeline_config, self.execute = pipeline.pipeline_config, pipeline.execute


def test_pipeline_that_cannot_overlap_is_refused(
    pipeline: ScriptedPipeline, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match="--enable-overlap-scheduler"):
        OverlappedEngine(
            OnlyExecutes(pipeline),
            scheduler_of(pipeline),
            ScriptedChannel(),
            CrashRecord(tmp_path),
        )
