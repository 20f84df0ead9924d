"""Tests of `max.serve.engine_client`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from max.pipelines.context import GenerationStatus, TextContext, TokenBuffer
from max.serve.engine_client import EngineClient, Generation
from max.serve.errors import ApiError
from max.serve.mailbox import ChoiceDelta
from max.serve.messages import (
    Admitted,
    Cancel,
    Failed,
    Refused,
    Submit,
    TokenDelta,
    Tokens,
    ToWorker,
)

ACTIVE, ENDED = GenerationStatus.ACTIVE, GenerationStatus.END_OF_SEQUENCE


class Commands:
    """Keeps what the client sends to the worker."""

    def __init__(self) -> None:
        self.sent: list[ToWorker] = []

    def send(self, message: ToWorker) -> None:
        self.sent.append(message)

    @property
    def cancelled(self) -> list[str]:
        return [
            request_id
            for message in self.sent
            if isinstance(message, Cancel)
            for request_id in message.request_ids
        ]


def make_contexts(count: int) -> list[TextContext]:
    return [TextContext(tokens=TokenBuffer([1, 2]), max_length=10) for _ in range(count)]


async def submitted(client: EngineClient, contexts: list[TextContext]) -> Generation:
    """Submits contexts and lets the worker admit them."""
    submitting = asyncio.create_task(client.submit(contexts))
    await asyncio.sleep(0)
    client.handle(Admitted([str(context.request_id) for context in contexts]))
    return await submitting


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_submit_waits_until_the_worker_admits() -> None:
    async def test() -> None:
        commands = Commands()
        client = EngineClient(commands)
        (context,) = make_contexts(1)
        submitting = asyncio.create_task(client.submit([context]))
        await asyncio.sleep(0)
        assert [type(message) for message in commands.sent] == [Submit]
        assert not submitting.done()
        client.handle(Admitted([str(context.request_id)]))
        await submitting

    run(test())


def test_tokens_reach_the_choice_they_belong_to() -> None:
    async def test() -> None:
        client = EngineClient(Commands())
        contexts = make_contexts(2)
        generation = await submitted(client, contexts)
        client.handle(Tokens([TokenDelta(str(contexts[1].request_id), [4], ACTIVE)]))
        assert await generation.take() == [ChoiceDelta(1, [4], ACTIVE)]
        client.handle(Tokens([TokenDelta(str(contexts[0].request_id), [3], ENDED)]))
        assert await generation.take() == [ChoiceDelta(0, [3], ENDED)]
        assert client.num_running == 1

    run(test())


def test_close_cancels_only_what_still_runs() -> None:
    async def test() -> None:
        commands = Commands()
        client = EngineClient(commands)
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
        client = EngineClient(commands)
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
        client = EngineClient(commands)
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
        client = EngineClient(BrokenCommands())
        with pytest.raises(OverflowError):
            await client.submit(make_contexts(2))
        assert client.num_running == 0

    run(test())


def test_failed_step_raises_500_in_its_requests_only() -> None:
    async def test() -> None:
        client = EngineClient(Commands())
        failing, running = make_contexts(2)
        first = await submitted(client, [failing])
        second = await submitted(client, [running])
        client.handle(Failed([str(failing.request_id)], "ValueError: no"))
        with pytest.raises(ApiError, match="ValueError: no") as failure:
            await first.take()
        assert failure.value.status == 500
        client.handle(Tokens([TokenDelta(str(running.request_id), [3], ACTIVE)]))
        assert await second.take() == [ChoiceDelta(0, [3], ACTIVE)]

    run(test())


def test_events_of_forgotten_requests_are_dropped() -> None:
    async def test() -> None:
        client = EngineClient(Commands())
        (context,) = make_contexts(1)
        generation = await submitted(client, [context])
        generation.close()
        request_id = str(context.request_id)
        for event in (
            Tokens([TokenDelta(request_id, [3], ACTIVE)]),
            Admitted([request_id]),
            Refused(request_id, "no"),
            Failed([request_id], "no"),
        ):
            client.handle(event)
        assert client.num_running == 0

    run(test())


def test_closed_client_ends_every_request_and_takes_no_more() -> None:
    async def test() -> None:
        client = EngineClient(Commands())
        generation = await submitted(client, make_contexts(1))
        client.close(ApiError(503, "stopping"))
        with pytest.raises(ApiError, match="stopping"):
            await generation.take()
        with pytest.raises(ApiError, match="stopping"):
            await client.submit(make_contexts(1))

    run(test())
