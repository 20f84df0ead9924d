"""Tests of `max.serve.worker.engine`."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from max.pipelines.context import GenerationStatus
from max.pipelines.kv_cache import KVCacheIntegrityError
from max.serve.messages import (
    Admitted,
    Cancel,
    Failed,
    FromWorker,
    Refused,
    ResetPrefixCache,
    Stop,
    Tokens,
)
from max.serve.worker.crash_record import CrashRecord, last_requests
from max.serve.worker.engine import Engine
from max.serve.worker.step_recorder import StepRecorder
from tests.serve.scripted_engine import ScriptedChannel, idle, make_submit, run_engine
from tests.serve.scripted_model import (
    GREETING,
    MAX_LENGTH,
    PAGE_SIZE,
    ScriptedPipeline,
    make_pipeline,
    scheduler_of,
)


@pytest.fixture
def pipeline(model_folder: Path) -> ScriptedPipeline:
    return make_pipeline(model_folder)


def test_request_runs_to_its_end(pipeline: ScriptedPipeline) -> None:
    submit = make_submit(pipeline, "greet", max_length=8)
    channel = ScriptedChannel([submit], *idle(2), [Stop()])

    run_engine(pipeline, channel)

    assert channel.sent[0] == Admitted([submit.request_id])
    # The prompt has 5 tokens, so 3 of the greeting fit.
    assert channel.tokens_of(submit) == pipeline.tokenizer.encode(GREETING).ids[:3]
    last = channel.sent_of(Tokens)[-1]
    assert isinstance(last, Tokens)
    assert last.deltas[0].status is GenerationStatus.MAXIMUM_LENGTH
    assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages


def test_one_message_holds_what_a_step_brought_to_all_requests(pipeline: ScriptedPipeline) -> None:
    submits = [make_submit(pipeline, "greet") for _ in range(3)]
    channel = ScriptedChannel([*submits], [Stop()])

    run_engine(pipeline, channel)

    (tokens,) = channel.sent_of(Tokens)
    assert isinstance(tokens, Tokens)
    assert [delta.request_id for delta in tokens.deltas] == [s.request_id for s in submits]


def test_idle_engine_waits_instead_of_looking_again(pipeline: ScriptedPipeline) -> None:
    channel = ScriptedChannel([], [Stop()])

    run_engine(pipeline, channel)

    assert channel.num_waits == 1


def test_what_the_cache_had_is_told_until_it_is_reset(pipeline: ScriptedPipeline) -> None:
    pipeline.kv_manager.enable_prefix_caching = True
    prompt = "a" * (2 * PAGE_SIZE) + "greet"
    submits = [make_submit(pipeline, prompt, max_length=len(prompt) + 1) for _ in range(3)]
    channel = ScriptedChannel(
        [submits[0]], [], [submits[1]], [], [ResetPrefixCache(), submits[2]], [Stop()]
    )

    run_engine(pipeline, channel)

    cached = {
        delta.request_id: delta.cached_tokens
        for message in channel.sent_of(Tokens)
        if isinstance(message, Tokens)
        for delta in message.deltas
    }
    assert [cached[submit.request_id] for submit in submits] == [0, 2 * PAGE_SIZE, 0]


def test_cancelled_request_gives_its_pages_back_before_the_next_step(
    pipeline: ScriptedPipeline,
) -> None:
    submit = make_submit(pipeline, "forever", max_length=1000)
    channel = ScriptedChannel([submit], *idle(2), [Cancel([submit.request_id])], [Stop()])

    scheduler = run_engine(pipeline, channel)

    assert not scheduler.has_work
    assert len(channel.sent_of(Tokens)) == 3
    assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages


def test_cancelling_an_unknown_request_does_nothing(pipeline: ScriptedPipeline) -> None:
    channel = ScriptedChannel([Cancel(["nobody"])], [Stop()])

    run_engine(pipeline, channel)

    assert channel.sent == []


def test_request_that_can_never_fit_is_refused_with_the_reason(pipeline: ScriptedPipeline) -> None:
    room = MAX_LENGTH
    submit = make_submit(pipeline, "greet", max_length=room + 1)
    channel = ScriptedChannel([submit], [Stop()])

    run_engine(pipeline, channel)

    (refused,) = channel.sent
    assert isinstance(refused, Refused)
    assert refused.request_id == submit.request_id
    assert str(room + 1) in refused.reason


def test_siblings_are_taken_together(pipeline: ScriptedPipeline) -> None:
    submit = make_submit(pipeline, "greet", max_length=7)
    together = msgspec.structs.replace(submit, siblings={"second": 1, "third": 2})
    channel = ScriptedChannel([together], *idle(2), [Stop()])

    run_engine(pipeline, channel)

    assert channel.sent[0] == Admitted([submit.request_id, "second", "third"])
    answers = [
        channel.tokens_of(msgspec.structs.replace(submit, request_id=name))
        for name in (submit.request_id, "second", "third")
    ]
    assert answers == [pipeline.tokenizer.encode(GREETING).ids[:2]] * 3


def test_siblings_that_can_never_fit_are_refused_each(pipeline: ScriptedPipeline) -> None:
    submit = make_submit(pipeline, "greet", max_length=MAX_LENGTH + 1)
    together = msgspec.structs.replace(submit, siblings={"second": 1, "third": 2})
    channel = ScriptedChannel([together], [Stop()])

    scheduler = run_engine(pipeline, channel)

    assert [message.request_id for message in channel.sent if isinstance(message, Refused)] == [
        *(submit.request_id, "second", "third")
    ]
    assert not scheduler.has_work


def test_failing_step_fails_its_requests_and_the_engine_goes_on(
    pipeline: ScriptedPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    failing = make_submit(pipeline, "raise")
    later = make_submit(pipeline, "greet", max_length=6)
    channel = ScriptedChannel([failing], [later], [Stop()])

    scheduler = run_engine(pipeline, channel)

    (failed,) = channel.sent_of(Failed)
    assert failed == Failed(
        {failing.request_id: len(failing.tokens)}, "RuntimeError: the script said so"
    )
    assert failing.request_id in caplog.text
    assert len(channel.tokens_of(later)) == 1
    assert not scheduler.has_work
    assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages


def test_failed_step_that_was_told_leaves_the_crash_record(
    pipeline: ScriptedPipeline, tmp_path: Path
) -> None:
    channel = ScriptedChannel([make_submit(pipeline, "raise")], [Stop()])
    Engine(pipeline, scheduler_of(pipeline), channel, CrashRecord(tmp_path)).run()
    assert channel.sent_of(Failed)
    assert last_requests(tmp_path) == {}


class UnencodableTokens(ScriptedChannel):
    """A channel that cannot send tokens."""

    def send(self, message: FromWorker) -> None:
        if isinstance(message, Tokens):
            raise TypeError("what a pipeline gave cannot be encoded")
        super().send(message)


def lose_statistics(*_: object) -> None:
    raise ZeroDivisionError("statistics")


@pytest.mark.parametrize("where", ["output", "statistics", "message"])
def test_what_fails_just_after_the_step_fails_its_requests(
    pipeline: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    failing = make_submit(pipeline, "lose" if where == "output" else "greet")
    channel_type = UnencodableTokens if where == "message" else ScriptedChannel
    channel = channel_type([failing], [Cancel([])], [Stop()])
    if where == "statistics":
        monkeypatch.setattr(StepRecorder, "finish", lose_statistics)

    scheduler = run_engine(pipeline, channel)

    (failed,) = channel.sent_of(Failed)
    assert isinstance(failed, Failed)
    assert failed.lengths == {failing.request_id: len(failing.tokens)}
    assert not scheduler.has_work
    assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages


def test_step_whose_failure_cannot_be_told_stays_in_the_crash_record(
    pipeline: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing = make_submit(pipeline, "raise")
    channel = ScriptedChannel([failing], [Stop()])

    def send(message: FromWorker) -> None:
        if isinstance(message, Failed):
            raise OSError("the socket is gone")

    monkeypatch.setattr(channel, "send", send)
    engine = Engine(pipeline, scheduler_of(pipeline), channel, CrashRecord(tmp_path))

    with pytest.raises(OSError, match="socket"):
        engine.run()

    assert last_requests(tmp_path) == {failing.request_id: len(failing.tokens)}


def test_replay_continues_where_the_tokens_end(pipeline: ScriptedPipeline) -> None:
    submit = make_submit(pipeline, "greet", max_length=10)
    greeting = pipeline.tokenizer.encode(GREETING).ids
    replay = msgspec.structs.replace(
        submit, request_id="again", tokens=[*submit.tokens, *greeting[:3]]
    )
    channel = ScriptedChannel([replay], *idle(1), [Stop()])

    run_engine(pipeline, channel)

    assert channel.tokens_of(replay) == greeting[3:5]


def test_broken_books_end_the_worker(
    pipeline: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("max.serve.worker.engine.CHECK_INTERVAL_S", 0.0)
    pipeline.kv_manager.pool.take()

    with pytest.raises(KVCacheIntegrityError):
        run_engine(pipeline, ScriptedChannel([Cancel([])], [Stop()]))


class PanicException(BaseException):
    """As bindings of native libraries raise it."""


def test_panic_of_a_native_library_fails_its_requests_alone(
    pipeline: ScriptedPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panic(*_: object) -> None:
        monkeypatch.undo()
        raise PanicException("index out of bounds")

    failing, later = make_submit(pipeline, "greet"), make_submit(pipeline, "greet", max_length=6)
    channel = ScriptedChannel([failing], [later], [Stop()])
    monkeypatch.setattr(pipeline, "execute", panic)

    run_engine(pipeline, channel)

    (failed,) = channel.sent_of(Failed)
    assert isinstance(failed, Failed)
    assert failed.lengths == {failing.request_id: len(failing.tokens)}
    assert "PanicException: index out of bounds" in failed.reason
    assert len(channel.tokens_of(later)) == 1
