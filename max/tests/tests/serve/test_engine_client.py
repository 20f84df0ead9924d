"""Tests of `max.serve.engine_client`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from max.pipelines.context import GenerationStatus, LogProbabilities, TextContext, TokenBuffer
from max.pipelines.modeling.types import RequestID
from max.serve.clients import Client
from max.serve.engine_client import EngineClient
from max.serve.errors import ApiError
from max.serve.mailbox import ChoiceDelta, Mailbox
from max.serve.messages import (
    Admitted,
    Failed,
    Refused,
    ResetPrefixCache,
    Submit,
    TokenDelta,
    Tokens,
    ToWorker,
)
from max.serve.telemetry.request_record import RequestRecord, enter_request
from tests.serve.fake_worker import Commands, make_contexts, submitted

ACTIVE, ENDED = GenerationStatus.ACTIVE, GenerationStatus.END_OF_SEQUENCE


def submits(commands: Commands) -> list[Submit]:
    """What was sent, which is nothing but requests."""
    sent = [message for message in commands.sent if isinstance(message, Submit)]
    assert len(sent) == len(commands.sent)
    return sent


def make_client(commands: Commands) -> EngineClient:
    """A client whose worker is ready."""
    client = EngineClient()
    client.connect(commands, max_batch_size=8)
    return client


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_submit_waits_until_the_worker_admits() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        (context,) = make_contexts(1)
        submitting = asyncio.create_task(client.submit([context]))
        await asyncio.sleep(0)
        assert [type(message) for message in commands.sent] == [Submit]
        assert not submitting.done()
        client.handle(Admitted([str(context.request_id)]))
        await submitting

    run(test())


def test_others_get_their_turn_while_many_prompts_are_sent() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        turns = 0
        submitting = asyncio.create_task(client.submit(make_contexts(200)))
        while len(commands.sent) < 200:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 200 // 32
        submitting.cancel()
        await asyncio.gather(submitting, return_exceptions=True)
        assert client.num_running == 0

    run(test())


def test_worker_that_comes_while_prompts_are_sent_gets_each_once() -> None:
    async def test() -> None:
        first, second = Commands(), Commands()
        client = make_client(first)
        contexts = make_contexts(100)
        submitting = asyncio.create_task(client.submit(contexts))
        while not first.sent:
            await asyncio.sleep(0)
        client.disconnect({}, "it died", killed=True)
        client.connect(second, 8)
        client.cancel([str(contexts[0].request_id)])
        for _ in range(20):
            await asyncio.sleep(0)
        sent = [message.request_id for message in second.sent if isinstance(message, Submit)]
        assert sorted(sent) == sorted(str(context.request_id) for context in contexts)
        assert len(first.sent) < 100
        submitting.cancel()
        await asyncio.gather(submitting, return_exceptions=True)

    run(test())


def test_what_was_cancelled_before_it_was_sent_is_not_sent() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        contexts = make_contexts(100)
        submitting = asyncio.create_task(client.submit(contexts))
        while not commands.sent:
            await asyncio.sleep(0)
        last = str(contexts[-1].request_id)
        client.cancel([last])
        for _ in range(20):
            await asyncio.sleep(0)
        sent = [message.request_id for message in commands.sent if isinstance(message, Submit)]
        assert len(sent) == 99 and last not in sent
        submitting.cancel()
        await asyncio.gather(submitting, return_exceptions=True)

    run(test())


def test_requests_say_who_asks() -> None:
    async def test() -> None:
        enter_request(RequestRecord(client=Client("a", 2.0)))
        commands = Commands()
        await submitted(make_client(commands), make_contexts(2))
        assert {(sent.client, sent.client_weight) for sent in submits(commands)} == {("a", 2.0)}

    run(test())


def test_request_that_ends_before_it_is_admitted_is_answered() -> None:
    async def test() -> None:
        client = make_client(Commands())
        (context,) = make_contexts(1)
        submitting = asyncio.create_task(client.submit([context]))
        await asyncio.sleep(0)
        client.handle(Tokens([TokenDelta(str(context.request_id), [6], ENDED)]))
        client.handle(Admitted([str(context.request_id)]))
        generation = await submitting
        assert await generation.take() == [ChoiceDelta(0, [6], ENDED)]

    run(test())


def test_tokens_reach_the_choice_they_belong_to() -> None:
    async def test() -> None:
        client = make_client(Commands())
        contexts = make_contexts(2)
        generation = await submitted(client, contexts)
        client.handle(Tokens([TokenDelta(str(contexts[1].request_id), [4], ACTIVE)]))
        assert await generation.take() == [ChoiceDelta(1, [4], ACTIVE)]
        client.handle(Tokens([TokenDelta(str(contexts[0].request_id), [3], ENDED)]))
        assert await generation.take() == [ChoiceDelta(0, [3], ENDED)]
        assert client.num_running == 1

    run(test())


def test_cached_tokens_reach_the_choice() -> None:
    async def test() -> None:
        client = make_client(Commands())
        (context,) = make_contexts(1)
        generation = await submitted(client, [context])
        client.handle(Tokens([TokenDelta(str(context.request_id), [4], ACTIVE, cached_tokens=128)]))
        assert await generation.take() == [ChoiceDelta(0, [4], ACTIVE, cached_tokens=128)]

    run(test())


def test_reset_of_the_prefix_cache_reaches_the_worker_that_is_there() -> None:
    commands = Commands()
    client = make_client(commands)
    client.reset_prefix_cache()
    assert commands.sent == [ResetPrefixCache()]
    client.disconnect({}, "it died", killed=True)
    client.reset_prefix_cache()
    assert len(commands.sent) == 1


def test_close_cancels_only_what_still_runs() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        contexts = make_contexts(2)
        generation = await submitted(client, contexts)
        client.handle(Tokens([TokenDelta(str(contexts[0].request_id), [3], ENDED)]))
        generation.close()
        generation.close()
        assert commands.cancelled == [str(contexts[1].request_id)]
        assert client.num_running == 0

    run(test())


def test_refusal_raises_400_and_takes_the_other_choices_back() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        contexts = make_contexts(2)
        submitting = asyncio.create_task(client.submit(contexts))
        await asyncio.sleep(0)
        client.handle(Refused(str(contexts[0].request_id), "never fits"))
        client.handle(Admitted([str(contexts[1].request_id)]))
        with pytest.raises(ApiError, match="never fits") as refusal:
            await submitting
        assert refusal.value.status == 400
        assert commands.cancelled == [str(contexts[1].request_id)]

    run(test())


def test_submitter_that_gives_up_while_waiting_cancels() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        (context,) = make_contexts(1)
        submitting = asyncio.create_task(client.submit([context]))
        await asyncio.sleep(0)
        submitting.cancel()
        client.handle(Admitted([str(context.request_id)]))
        with pytest.raises(asyncio.CancelledError):
            await submitting
        assert commands.cancelled == [str(context.request_id)]

    run(test())


def test_request_that_cannot_be_sent_is_forgotten() -> None:
    class BrokenCommands(Commands):
        def send(self, message: ToWorker) -> None:
            super().send(message)
            if isinstance(message, Submit):
                raise OverflowError("too large to encode")

    async def test() -> None:
        client = make_client(BrokenCommands())
        with pytest.raises(OverflowError):
            await client.submit(make_contexts(2))
        assert client.num_running == 0

    run(test())


def test_request_that_fails_twice_is_failed_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        client = make_client(Commands())
        failing, running = make_contexts(2)
        first = await submitted(client, [failing])
        second = await submitted(client, [running])
        client.handle(Failed({str(failing.request_id): 2}, "ValueError: no"))
        client.handle(Failed({str(failing.request_id): 2}, "ValueError: no"))
        with pytest.raises(ApiError, match="ValueError: no") as failure:
            await first.take()
        assert failure.value.status == 500
        assert failing.request_id in caplog.text
        client.handle(Tokens([TokenDelta(str(running.request_id), [3], ACTIVE)]))
        assert await second.take() == [ChoiceDelta(0, [3], ACTIVE)]

    run(test())


def test_siblings_are_sent_as_one_and_replayed_each() -> None:
    async def test() -> None:
        commands, later = Commands(), Commands()
        client = make_client(commands)
        (first,) = make_contexts(1)
        params = replace(first.sampling_params, seed=1)
        first.sampling_params = params
        second = replace(first, request_id=RequestID(), sampling_params=replace(params, seed=2))
        (other,) = make_contexts(1)
        await submitted(client, [first, second, other])
        assert [(s.request_id, s.siblings) for s in submits(commands)] == [
            (str(first.request_id), {str(second.request_id): 2}),
            (str(other.request_id), {}),
        ]
        client.handle(Tokens([TokenDelta(str(second.request_id), [5], ACTIVE)]))
        client.disconnect({}, "it was killed", killed=True)
        client.connect(later, max_batch_size=8)
        assert [(s.request_id, s.siblings, s.sampling_params.seed) for s in submits(later)[:2]] == [
            (str(first.request_id), {}, 1),
            (str(second.request_id), {}, 2),
        ]
        assert [s.tokens for s in submits(later)] == [[1, 2], [1, 2, 5], [1, 2]]

    run(test())


def test_requests_of_a_failed_step_are_run_again_each_alone() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        contexts = make_contexts(2)
        generation = await submitted(client, contexts)
        request_ids = [str(context.request_id) for context in contexts]
        client.handle(Tokens([TokenDelta(request_ids[1], [7], ACTIVE)]))
        client.handle(Failed({request_ids[0]: 2, request_ids[1]: 3}, "ValueError: no"))
        again = submits(commands)[2:]
        assert [(s.request_id, s.tokens, s.prompt_length, s.failed_length) for s in again] == [
            (request_ids[0], [1, 2], 2, 2),
            (request_ids[1], [1, 2, 7], 2, 3),
        ]
        assert await generation.take() == [ChoiceDelta(1, [7], ACTIVE)]

    run(test())


def test_requests_of_a_dead_worker_go_on_in_the_next_one() -> None:
    async def test() -> None:
        old, new = Commands(), Commands()
        client = make_client(old)
        begun, running = make_contexts(2)
        generation = await submitted(client, [begun, running])
        client.handle(Tokens([TokenDelta(str(begun.request_id), [5], ACTIVE)]))
        client.disconnect({str(begun.request_id): 4}, "it was killed", killed=True)
        (late,) = make_contexts(1)
        waiting = asyncio.create_task(client.submit([late]))
        await asyncio.sleep(0)
        assert len(old.sent) == 2
        client.connect(new, max_batch_size=8)
        assert [(s.request_id, s.tokens, s.failed_length) for s in submits(new)] == [
            (str(begun.request_id), [1, 2, 5], 4),
            (str(running.request_id), [1, 2], 0),
            (str(late.request_id), [1, 2], 0),
        ]
        client.handle(Admitted([str(late.request_id)]))
        await waiting
        client.handle(Tokens([TokenDelta(str(begun.request_id), [6], ENDED)]))
        assert await generation.take() == [ChoiceDelta(0, [5, 6], ENDED)]

    run(test())


def test_request_that_ends_every_worker_between_two_steps_is_given_up() -> None:
    async def test() -> None:
        client = make_client(Commands())
        stuck, lucky = make_contexts(2)
        generation = await submitted(client, [stuck])
        other = await submitted(client, [lucky])
        for _ in range(3):
            client.disconnect({}, "it ended with code 1", killed=False)
            client.connect(Commands(), max_batch_size=8)
            client.handle(Tokens([TokenDelta(str(lucky.request_id), [5], ACTIVE)]))
        with pytest.raises(ApiError, match="ended with code 1"):
            await generation.take()
        assert await other.take() == [ChoiceDelta(0, [5, 5, 5], ACTIVE)]

    run(test())


def test_workers_that_are_killed_between_two_steps_speak_against_nobody() -> None:
    async def test() -> None:
        client = make_client(Commands())
        (context,) = make_contexts(1)
        generation = await submitted(client, [context])
        for _ in range(9):
            client.disconnect({}, "it was killed", killed=True)
            client.connect(Commands(), max_batch_size=8)
        client.handle(Tokens([TokenDelta(str(context.request_id), [5], ENDED)]))
        assert await generation.take() == [ChoiceDelta(0, [5], ENDED)]

    run(test())


def test_log_probabilities_that_came_are_not_asked_for_again() -> None:
    async def test() -> None:
        old, new = Commands(), Commands()
        client = make_client(old)
        context = TextContext(
            tokens=TokenBuffer(range(9)),
            max_length=20,
            log_probabilities=1,
            log_probabilities_echo=True,
        )
        request_id = str(context.request_id)
        generation = await submitted(client, [context])
        runs = [LogProbabilities([-1.0] * count, [{}] * count) for count in (5, 3)]
        scored = LogProbabilities([-7.0], [{}])
        client.handle(Tokens([TokenDelta(request_id, [], ACTIVE, None, runs[0])]))
        client.disconnect({}, "it was killed", killed=True)
        client.connect(new, max_batch_size=8)
        (again,) = new.sent
        assert isinstance(again, Submit)
        assert (again.log_probabilities, again.log_probabilities_echo) == (1, True)
        assert again.prompt_tokens_scored == 5
        client.handle(Tokens([TokenDelta(request_id, [4], ENDED, [scored], runs[1])]))
        (delta,) = await generation.take()
        assert delta.prompt_log_probabilities == runs
        assert (delta.tokens, delta.log_probabilities) == ([4], [scored])

    run(test())


def test_request_that_is_cancelled_while_no_worker_is_there_is_not_run_again() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(Commands())
        generation = await submitted(client, make_contexts(1))
        client.disconnect({}, "it was killed", killed=True)
        generation.close()
        client.connect(commands, max_batch_size=8)
        assert commands.sent == []

    run(test())


def test_full_queue_refuses_with_the_time_to_come_again() -> None:
    async def test() -> None:
        client = EngineClient(max_queue_size=1)
        client.connect(Commands(), max_batch_size=2)
        await submitted(client, make_contexts(2))
        # One waits behind the two that run; a request of several choices may exceed that.
        waiting = await submitted(client, make_contexts(3))
        with pytest.raises(ApiError, match="--max-queue-size") as refusal:
            await client.submit(make_contexts(1))
        assert refusal.value.status == 429
        assert refusal.value.retry_after is not None
        assert refusal.value.retry_after >= 1
        waiting.close()
        await submitted(client, make_contexts(1))

    run(test())


def test_request_whose_time_is_over_ends_with_504_and_frees_its_pages() -> None:
    async def test() -> None:
        commands = Commands()
        client = EngineClient(request_timeout=0.01)
        client.connect(commands, max_batch_size=8)
        contexts = make_contexts(2)
        generation = await submitted(client, contexts)
        client.handle(Tokens([TokenDelta(str(contexts[0].request_id), [3], ENDED)]))
        await generation.take()
        with pytest.raises(ApiError, match="--request-timeout") as failure:
            await generation.take()
        assert failure.value.status == 504
        assert commands.cancelled == [str(contexts[1].request_id)]

    run(test())


def test_time_runs_also_while_no_worker_takes_the_request() -> None:
    async def test() -> None:
        client = EngineClient(request_timeout=0.01)
        with pytest.raises(ApiError) as failure:
            await client.submit(make_contexts(1))
        assert failure.value.status == 504
        assert client.num_running == 0

    run(test())


def test_request_that_ends_in_time_is_not_ended_again() -> None:
    async def test() -> None:
        commands = Commands()
        client = EngineClient(request_timeout=0.001)
        client.connect(commands, max_batch_size=8)
        (context,) = make_contexts(1)
        generation = await submitted(client, [context])
        client.handle(Tokens([TokenDelta(str(context.request_id), [3], ENDED)]))
        assert await generation.take() == [ChoiceDelta(0, [3], ENDED)]
        generation.close()
        assert generation._deadline is not None and generation._deadline.cancelled()
        assert commands.cancelled == []

    run(test())


def test_idle_is_when_nothing_runs() -> None:
    async def test() -> None:
        client = make_client(Commands())
        await client.requests.until_idle()
        generation = await submitted(client, make_contexts(1))
        idle = asyncio.create_task(client.requests.until_idle())
        await asyncio.sleep(0)
        assert not idle.done()
        generation.close()
        await idle

    run(test())


def test_events_of_forgotten_requests_are_dropped() -> None:
    async def test() -> None:
        client = make_client(Commands())
        (context,) = make_contexts(1)
        generation = await submitted(client, [context])
        generation.close()
        request_id = str(context.request_id)
        for event in (
            Tokens([TokenDelta(request_id, [3], ACTIVE)]),
            Admitted([request_id]),
            Refused(request_id, "no"),
            Failed({request_id: 2}, "no"),
        ):
            client.handle(event)
        assert client.num_running == 0

    run(test())


def test_closed_client_ends_every_request_and_takes_no_more() -> None:
    async def test() -> None:
        client = make_client(Commands())
        generation = await submitted(client, make_contexts(1))
        client.close(ApiError(503, "stopping"))
        with pytest.raises(ApiError, match="stopping"):
            await generation.take()
        with pytest.raises(ApiError, match="stopping"):
            await client.submit(make_contexts(1))

    run(test())


@pytest.mark.parametrize("status", [ACTIVE, ENDED])
def test_tokens_that_cannot_be_handed_over_end_their_request_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: GenerationStatus
) -> None:
    def put(mailbox: Mailbox, delta: ChoiceDelta) -> None:
        if delta.tokens == [6]:
            raise ZeroDivisionError("a bug")
        handed_over(mailbox, delta)

    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        unlucky, lucky = make_contexts(2)
        generation = await submitted(client, [unlucky])
        other = await submitted(client, [lucky])
        client.handle(
            Tokens(
                [
                    TokenDelta(str(unlucky.request_id), [6], status),
                    TokenDelta(str(lucky.request_id), [7], ACTIVE),
                ]
            )
        )
        with pytest.raises(ApiError, match="ZeroDivisionError: a bug"):
            await generation.take()
        assert await other.take() == [ChoiceDelta(0, [7], ACTIVE)]
        assert commands.cancelled == [str(unlucky.request_id)]
        assert f"Tokens of the request {unlucky.request_id} are lost" in caplog.text

    handed_over = Mailbox.put
    monkeypatch.setattr(Mailbox, "put", put)
    run(test())


def test_requests_beside_a_suspect_are_run_again_without_suspicion() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        suspect, beside = make_contexts(2)
        await submitted(client, [suspect])
        await submitted(client, [beside])
        commands.sent.clear()
        names = [str(context.request_id) for context in (suspect, beside)]
        client.handle(Failed({names[0]: 2}, "ValueError: a bug", [names[1], "gone"]))
        again = [(s.request_id, s.failed_length) for s in submits(commands)]
        assert again == [(names[0], 2), (names[1], 0)]

    run(test())


def test_all_requests_of_a_worker_that_dies_between_two_steps_are_suspects() -> None:
    async def test() -> None:
        client = make_client(Commands())
        for context in make_contexts(2):
            await submitted(client, [context])
        client.disconnect({}, "it ended with code 1", killed=False)
        commands = Commands()
        client.connect(commands, max_batch_size=8)
        assert [submit.failed_length for submit in submits(commands)] == [2, 2]

    run(test())
