"""Tests of `max.serve.disconnect`."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from max.serve.disconnect import ClientDisconnected, until_disconnect


class Client:
    """An ASGI receive channel; the client stays until `leave`."""

    def __init__(self) -> None:
        self._left = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}


def test_result_is_returned_while_the_client_stays() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    async def test() -> str:
        return await until_disconnect(Client().receive, work())

    assert asyncio.run(test()) == "done"


def test_errors_of_the_work_pass() -> None:
    async def work() -> None:
        raise ValueError("broken")

    async def test() -> None:
        await until_disconnect(Client().receive, work())

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(test())


def test_work_is_cancelled_when_the_client_leaves() -> None:
    cancelled = []

    async def test() -> None:
        client = Client()

        async def work() -> None:
            client.leave()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        await until_disconnect(client.receive, work())

    with pytest.raises(ClientDisconnected):
        asyncio.run(test())
    assert cancelled == [True]
