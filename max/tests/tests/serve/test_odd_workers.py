"""Whatever a worker says of a request, that is answered, and the next one too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from max.pipelines.context import GenerationStatus
from max.serve.engine_client import EngineClient
from max.serve.messages import (
    AdapterLoaded,
    AdapterRefused,
    Admitted,
    Failed,
    FromWorker,
    Refused,
    Submit,
    TokenDelta,
    Tokens,
)
from max.serve.worker_handle import take_all
from tests.serve.fake_worker import Commands
from tests.serve.scripted_app import assert_answered, complete, make_app

ACTIVE, ENDED = GenerationStatus.ACTIVE, GenerationStatus.END_OF_SEQUENCE
FULL = GenerationStatus.MAXIMUM_LENGTH
A, END = ord("a"), 0
Sayings = Callable[[str], list[FromWorker]]


def said(*deltas: tuple[Sequence[int], GenerationStatus]) -> Sayings:
    """Tokens, a message for each delta."""
    return lambda name: [Tokens([TokenDelta(name, list(t), status)]) for t, status in deltas]


def of_others(name: str) -> list[FromWorker]:
    strange = Tokens([TokenDelta("x", [A], ACTIVE), TokenDelta(name, [A, END], ENDED)])
    told: list[FromWorker] = [Failed({"x": 3}, "r"), Refused("x", "r"), Admitted(["x", "x"])]
    return [*told, AdapterLoaded("x"), AdapterRefused("x", "r"), strange]


ODD: dict[str, Sayings] = {
    "a negative token": said(([-1], ENDED)),
    "a token of no vocabulary": said(([2**40], ACTIVE), ([END], ENDED)),
    "an end without a token": said(([], ENDED)),
    "all of nothing": said(([], FULL)),
    "two ends": said(([A], ENDED), ([A], ENDED), ([A], ACTIVE)),
    "more than was asked for": said(([A] * 1000, ACTIVE), ([A], FULL)),
    "an end before it is admitted": lambda name: [
        *said(([A], ACTIVE), ([A, END], ENDED))(name),
        Admitted([name]),
    ],
    "of others": of_others,
    "failed twice": lambda name: [Failed({name: 5}, "r"), Failed({name: 5}, "r")],
    "failed and goes on": lambda name: [Failed({name: 5}, "r"), *said(([A, END], ENDED))(name)],
    "nobody failed": lambda name: [Failed({}, "r"), *said(([A, END], ENDED))(name)],
    "refused too late": lambda name: [*said(([A], ACTIVE))(name), Refused(name, "r")],
}


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"logprobs": 2}], ids=str)
@pytest.mark.parametrize("kind", ODD)
def test_requests_are_answered(model_folder: Path, kind: str, fields: dict[str, object]) -> None:
    async def run() -> None:
        client, commands = EngineClient(), Commands()
        client.connect(commands, max_batch_size=4)
        app = make_app(model_folder, client)

        async def answered(sayings: Sayings, *, admits: bool) -> None:
            asking = asyncio.create_task(complete(app, "abc", "odd", **fields))
            while not (new := [m for m in commands.sent if isinstance(m, Submit)]):
                await asyncio.sleep(0)
            name = new[-1].request_id
            events = [*([Admitted([name])] if admits else []), *sayings(name)]
            for event in events:
                assert take_all([event], client.handle) is None
                await asyncio.sleep(0)
            async with asyncio.timeout(60):
                assert_answered(await asking, stream="stream" in fields)
            assert client.num_running == 0
            commands.sent.clear()

        await answered(ODD[kind], admits="admitted" not in kind)
        await answered(said(([A], ACTIVE), ([A, END], ENDED)), admits=True)

    asyncio.run(run())
