"""An error at any point of the API process's work on a request ends that request alone, visibly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from max.pipelines.context import TextContext
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.serve import answering, engine_client
from max.serve.choice import Choice
from max.serve.engine_client import EngineClient
from max.serve.engine_watch import EngineWatch
from max.serve.generation import Generation
from max.serve.mailbox import Mailbox
from max.serve.messages import Admitted, Submit, TokenDelta, Tokens
from max.serve.queue_shares import QueueShares
from max.serve.request_table import RequestTable
from max.serve.running_request import RunningRequest
from max.serve.state import ModelService
from max.serve.telemetry.request_metrics import RequestMetrics
from max.serve.telemetry.request_record import RequestRecord, current_record
from max.serve.telemetry.step_metrics import StepMetrics
from max.serve.telemetry.telemetry import Telemetry
from max.serve.telemetry.token_clock import TokenClock
from max.serve.worker_adapters import WorkerAdapters
from tests.serve.scripted_app import assert_answered, complete, make_app
from tests.serve.scripted_model import QuickTokenizer
from tests.serve.worker_lives import World

INNOCENTS = ("hello", "forever", "a longer prompt that is repeated", "greet")
CULPRIT = "culprit"
TIMEOUT_S = 60


class PanicException(BaseException):
    """As bindings of native libraries raise it."""


def mentions(value: object) -> bool:
    """Whether what a function was given has to do with the culprit."""
    match value:
        case str():
            return value.startswith(CULPRIT)
        case TextContext() | Submit() | TokenDelta() | RequestRecord() | RunningRequest():
            return mentions(value.request_id)
        case Tokens():
            return mentions(value.deltas)
        case Admitted():
            return mentions(value.request_ids)
        case Generation():
            return mentions(value._request_ids)
        case TokenClock():
            return mentions(value._record)
        case RequestTable():
            return False  # It knows them all.
        case Mapping() | Iterable():
            return any(mentions(each) for each in value)
    return False


class Sabotage(NamedTuple):
    """Makes a function fail when it is about the culprit: in one such call, or all from it on."""

    kind: type[BaseException]
    first: int
    always: bool

    def spoil(self, function: Callable[..., Any]) -> Callable[..., Any]:
        calls = 0

        def spoilt(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            if mentions(current_record()) or mentions(args):
                calls += 1
                if calls == self.first or (self.always and calls > self.first):
                    raise self.kind("sabotage")
            return function(*args, **kwargs)

        return spoilt


# While a request comes, and goes.
ONCE = [
    (QuickTokenizer, "new_context"),
    (ModelService, "new_context"),
    (ModelService, "new_choice"),
    (RequestTable, "check_room"),
    (engine_client, "from_siblings"),
    (engine_client, "joined"),
    (RequestTable, "add"),
    (QueueShares, "add"),
    (QueueShares, "remove"),
    (RequestRecord, "submit"),
    (TokenClock, "began"),
    (RequestTable, "note_completed"),
    (WorkerAdapters, "drop_unneeded"),
    (Generation, "close"),
    (EngineClient, "cancel"),
    (StreamDecoder, "finish"),
    (answering, "_written"),
    (Telemetry, "end_request"),
    (RequestMetrics, "observe"),
]
# Whenever there is something of it.
OFTEN = [
    (EngineClient, "_send"),
    (EngineClient, "handle"),
    (EngineClient, "_deliver"),
    (RequestTable, "get"),
    (RequestTable, "remove"),
    (RunningRequest, "take"),
    (TokenClock, "tick"),
    (Mailbox, "take"),
    (Choice, "advance"),
    (StreamDecoder, "push"),
    (answering, "event"),
    (StepMetrics, "observe"),
    (EngineWatch, "observe"),
]


class Answered(NamedTuple):
    """What clients got."""

    culprit: httpx.Response
    innocent: list[str]
    afterwards: str
    left: int


async def answers(folder: Path, stream: bool, seed: int = 0) -> Answered:
    """What a server's clients get, one of whom is the culprit."""
    world = World(folder, frozenset(), seed)
    app = make_app(folder, world.client)

    async def all_of(*asking: asyncio.Task[httpx.Response]) -> list[httpx.Response]:
        while not all(task.done() for task in asking):
            await world.run()
            await asyncio.sleep(0)
        return await asyncio.gather(*asking)

    def begin(prompt: str, request_id: str, stream: bool) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(complete(app, prompt, request_id, stream=stream))

    async with asyncio.timeout(TIMEOUT_S):
        innocent = [begin(prompt, f"innocent-{n}", False) for n, prompt in enumerate(INNOCENTS)]
        culprit = begin("forever and badly", CULPRIT, stream)
        *others, guilty = await all_of(*innocent, culprit)
        (last,) = await all_of(begin("hello", "afterwards", False))
    return Answered(
        guilty, [text_of(each) for each in others], text_of(last), len(world.client.requests)
    )


def text_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    text: str = response.json()["choices"][0]["text"]
    return text


@pytest.fixture(scope="module")
def undisturbed(model_folder: Path) -> Answered:
    return asyncio.run(answers(model_folder, stream=False))


def case(point: tuple[object, str], sabotage: Sabotage, stream: bool) -> object:
    owner, name = point
    where = getattr(owner, "__name__", "").rpartition(".")[2]
    how = f"{'from' if sabotage.always else 'at'}-{sabotage.first}-{sabotage.kind.__name__}"
    # Nearly all kinds of errors on nearly all ways.
    is_daily = sabotage.kind is RuntimeError and (sabotage.always, sabotage.first, stream) in DAILY
    return pytest.param(
        *point,
        sabotage,
        stream,
        id=f"{where}.{name}-{how}-{'stream' if stream else 'whole'}",
        marks=() if is_daily else pytest.mark.slow,
    )


DAILY = {(True, 1, False), (False, 3, True)}
CASES = [
    case(point, Sabotage(error, first, always), stream)
    for error in (RuntimeError, PanicException)
    for stream in (False, True)
    for always in (False, True)
    for points, first in ((ONCE, 1), (OFTEN, 1), (OFTEN, 3))
    for point in points
    # A request that can never be removed ends the server.
    if not (always and point[1] == "remove")
]


@pytest.mark.parametrize(("owner", "name", "sabotage", "stream"), CASES)
def test_others_are_answered_and_so_is_the_culprit(
    model_folder: Path,
    undisturbed: Answered,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: object,
    name: str,
    sabotage: Sabotage,
    stream: bool,
) -> None:
    monkeypatch.setattr(owner, name, sabotage.spoil(getattr(owner, name)))

    got = asyncio.run(answers(model_folder, stream))

    assert got.innocent == undisturbed.innocent
    assert got.afterwards == undisturbed.afterwards
    assert got.left == 0
    assert_answered(got.culprit, stream=stream)
