"""An error at any point of the worker's work on a request ends that request alone, visibly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from max.pipelines.context import TextContext
from max.pipelines.kv_cache import BlockManager
from max.pipelines.modeling.types import TextGenerationInputs
from max.pipelines.scheduling import Batch, LaunchedStep, Scheduler
from max.serve.errors import ApiError
from max.serve.messages import Admitted, Submit, Tokens
from max.serve.worker import engine
from max.serve.worker.engine import Engine
from max.serve.worker.overlapped_engine import OverlappedEngine
from max.serve.worker.step_recorder import StepRecorder
from tests.serve.lossy_channel import Died, LossyChannel
from tests.serve.scripted_model import Pages, ScriptedPipeline, make_pipeline
from tests.serve.worker_lives import World, answer, expected, make_context

INNOCENTS = ("hello", "forever", "a longer prompt that is repeated", "greet")
CULPRIT = "forever and badly"
# A death of a worker that names nobody, and two with the culprit on trial; and the last life.
MOST_LIVES = 4


class PanicException(BaseException):
    """As bindings of native libraries raise it."""


def mentions(value: object, culprit: str) -> bool:
    """Whether what a function was given has to do with a request."""
    match value:
        case TextContext() | Submit():
            return value.request_id == culprit
        case Batch() | LaunchedStep():
            return mentions(value.contexts, culprit)
        case TextGenerationInputs():
            return mentions(value.flat_batch, culprit)
        case Scheduler():
            return mentions(value.requests, culprit)
        case StepRecorder():
            return mentions(value._scheduler, culprit)
        case Tokens():
            return any(delta.request_id == culprit for delta in value.deltas)
        case Admitted():
            return culprit in value.request_ids
        case str():
            return value == culprit
        case Mapping() | Iterable():
            return any(mentions(each, culprit) for each in value)
    return False


class Sabotage:
    """Makes a function fail whenever it is about the culprit, from one such call on."""

    def __init__(self, kind: type[BaseException], first: int) -> None:
        self.culprit = ""
        self._kind = kind
        self._left = first

    def spoil(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def spoilt(*args: Any, **kwargs: Any) -> Any:
            # Of a method that is given something, not what its object knows besides.
            if mentions(args[1:] or args, self.culprit):
                self._left -= 1
                if self._left <= 0:
                    raise self._kind("sabotage")
            return function(*args, **kwargs)

        return spoilt


# Those that a life has once for each request, and those that come again and again.
ONCE = [
    (engine, "to_contexts"),
    (Scheduler, "add"),
    (BlockManager, "claim"),
    (BlockManager, "reuse_prefix"),
    (BlockManager, "is_prefix_coming"),
    (BlockManager, "announce_prefix"),
    (BlockManager, "try_alloc"),
    (Pages, "get_pct_used_blocks_after_allocation"),
    (BlockManager, "release"),
    (StepRecorder, "queued"),
]
OFTEN = [
    (Scheduler, "schedule"),
    (Scheduler, "finish_step"),
    (Scheduler, "observe"),
    (BlockManager, "covers"),
    (BlockManager, "commit"),
    (StepRecorder, "start_scheduling"),
    (StepRecorder, "start_executing"),
    (StepRecorder, "finish"),
    (StepRecorder, "take"),
    (ScriptedPipeline, "launch"),
    (ScriptedPipeline, "collect"),
    (LossyChannel, "send"),
]


@pytest.fixture(scope="module")
def undisturbed(model_folder: Path) -> list[list[int]]:
    return [expected(model_folder, prompt) for prompt in INNOCENTS]


async def lives_of(
    model_folder: Path, kind: type[Engine], sabotage: Sabotage
) -> tuple[int, list[list[int] | ApiError]]:
    world = World(model_folder, frozenset(), 0, kind)
    tokenizer = make_pipeline(model_folder).tokenizer
    contexts = [make_context(tokenizer, prompt) for prompt in (*INNOCENTS, CULPRIT)]
    sabotage.culprit = str(contexts[-1].request_id)
    asking = [asyncio.create_task(answer(world.client, context)) for context in contexts]
    await asyncio.sleep(0)
    await world.run()
    return world.num_restarts, await asyncio.gather(*asking)


def case(point: tuple[object, str], first: int, error: type[BaseException]) -> object:
    owner, name = point
    where = getattr(owner, "__name__", "").rpartition(".")[2]
    marks = () if error is RuntimeError else pytest.mark.slow
    return pytest.param(
        *point, first, error, id=f"{where}.{name}-{first}-{error.__name__}", marks=marks
    )


@pytest.mark.parametrize("kind", [Engine, OverlappedEngine])
@pytest.mark.parametrize(
    ("owner", "name", "first", "error"),
    [
        case(point, first, error)
        for error in (RuntimeError, PanicException, Died)
        for points, first in ((ONCE, 1), (OFTEN, 1), (OFTEN, 3))
        for point in points
    ],
)
def test_culprit_is_failed_alone(
    model_folder: Path,
    undisturbed: list[list[int]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: object,
    name: str,
    first: int,
    error: type[BaseException],
    kind: type[Engine],
) -> None:
    sabotage = Sabotage(error, first)
    monkeypatch.setattr(owner, name, sabotage.spoil(getattr(owner, name)))

    lives, (*innocent, culprit) = asyncio.run(lives_of(model_folder, kind, sabotage))

    assert innocent == undisturbed
    # An error costs no worker, unless pages cannot be given back or nothing can be told.
    costs = error is Died or name in ("release", "send")
    assert lives <= (MOST_LIVES if costs else 1)
    assert isinstance(culprit, ApiError), "the culprit"
    assert culprit.status == 500
    assert f"Request {sabotage.culprit} is given up" in caplog.text
