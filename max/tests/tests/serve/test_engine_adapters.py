"""Adapters in `max.serve.engine_client`: they outlive workers and leave with their last request."""

from __future__ import annotations

import asyncio

import pytest

from max.pipelines.context import TextContext
from max.pipelines.lora.errors import AdapterError
from max.serve.engine_client import EngineClient
from max.serve.errors import ApiError
from max.serve.messages import (
    Adapter,
    AdapterLoaded,
    AdapterRefused,
    LoadAdapter,
    Submit,
    UnloadAdapter,
)
from tests.serve.fake_worker import Commands, make_contexts, submitted

MINE = Adapter("mine", "/adapters/mine", "d1")


def make_client(commands: Commands) -> EngineClient:
    client = EngineClient()
    client.connect(commands, max_batch_size=8)
    return client


def make_context(digest: str = "d1") -> TextContext:
    (context,) = make_contexts(1)
    context.adapter = digest
    return context


async def loaded(client: EngineClient, adapter: Adapter = MINE) -> None:
    loading = asyncio.create_task(client.adapters.load(adapter))
    await asyncio.sleep(0)
    client.handle(AdapterLoaded(adapter.digest))
    await loading


def test_loading() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        await loaded(client)
        await client.adapters.load(MINE)
        assert commands.sent == [LoadAdapter(MINE)] and client.adapters.loaded == [MINE]

    asyncio.run(test())


def test_a_refusal() -> None:
    async def test() -> None:
        client = make_client(Commands())
        loading = asyncio.create_task(client.adapters.load(MINE))
        await asyncio.sleep(0)
        client.handle(AdapterRefused("d1", "too high a rank"))
        with pytest.raises(AdapterError, match="too high"):
            await loading
        assert client.adapters.loaded == []

    asyncio.run(test())


def test_a_load_goes_on_in_the_next_worker() -> None:
    async def test() -> None:
        client = make_client(Commands())
        loading = asyncio.create_task(client.adapters.load(MINE))
        await asyncio.sleep(0)
        client.disconnect({}, "it is gone", killed=True)
        commands = Commands()
        client.connect(commands, max_batch_size=8)
        assert commands.sent == [LoadAdapter(MINE)]
        client.handle(AdapterLoaded("d1"))
        await loading

    asyncio.run(test())


def test_an_adapter_with_which_workers_die_is_refused() -> None:
    async def test() -> None:
        client = make_client(Commands())
        loading = asyncio.create_task(client.adapters.load(MINE))
        await asyncio.sleep(0)
        client.disconnect({}, "it was killed", killed=True)  # From outside: that says nothing.
        client.connect(Commands(), 8)
        client.disconnect({}, "it died", killed=False)
        client.connect(Commands(), 8)
        assert not loading.done()
        client.disconnect({}, "it died", killed=False)
        with pytest.raises(AdapterError, match="it died, 2 times"):
            await loading
        commands = Commands()
        client.connect(commands, 8)
        assert commands.sent == []

    asyncio.run(test())


def test_an_adapter_leaves_with_its_last_request() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        await loaded(client)
        running = await submitted(client, [make_context()])
        client.adapters.unload("d1")
        assert client.adapters.loaded == [MINE], "another worker would need it"
        with pytest.raises(ApiError) as refused:
            await client.submit([make_context()])
        assert refused.value.status == 404
        assert not [message for message in commands.sent if isinstance(message, UnloadAdapter)]
        running.close()
        assert commands.sent[-1] == UnloadAdapter("d1"), "after it was cancelled"
        assert client.adapters.loaded == []

    asyncio.run(test())


def test_an_adapter_that_cannot_be_loaded_again_fails_its_requests() -> None:
    async def test() -> None:
        commands = Commands()
        client = make_client(commands)
        await loaded(client)
        mine, base = (
            await submitted(client, [make_context()]),
            await submitted(client, make_contexts(1)),
        )
        client.disconnect({}, "it is gone", killed=True)
        client.lose_adapters({"d1": "its files have changed"})
        fresh = Commands()
        client.connect(fresh, max_batch_size=8)
        assert [type(message) for message in fresh.sent] == [Submit]
        with pytest.raises(ApiError, match="its files have changed"):
            await mine.take()
        base.close()

    asyncio.run(test())
