"""Requests through worker deaths, in one process: clients get what an undisturbed worker gives."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from max.serve.errors import ApiError
from max.serve.worker.engine import Engine
from max.serve.worker.overlapped_engine import OverlappedEngine
from tests.serve.scripted_model import make_pipeline
from tests.serve.worker_lives import World, answer, expected, make_context, run_prompts

INNOCENTS = ("hello", "greet", "a longer prompt that is repeated", "forever", "x")
CULPRITS = (
    "die",
    "raise",
    "die at 3",
    "raise at 7",
    "now die at 1, die at 4",
    "raise at 2",
    "lose",
    "lose at 6",
)

run_settings = settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


kinds = pytest.mark.parametrize("kind", [Engine, OverlappedEngine])


@kinds
@run_settings
@given(
    innocents=st.lists(st.sampled_from(INNOCENTS), min_size=1, max_size=5),
    culprits=st.lists(st.sampled_from(CULPRITS), max_size=3),
    order=st.randoms(use_true_random=False),
    seed=st.integers(0, 1000),
)
def test_culprits_are_failed_alone(
    model_folder: Path,
    innocents: list[str],
    culprits: list[str],
    order: random.Random,
    seed: int,
    kind: type[Engine],
) -> None:
    prompts = [*innocents, *culprits]
    order.shuffle(prompts)

    answers = run_prompts(model_folder, prompts, seed=seed, kind=kind)

    for prompt, got in zip(prompts, answers, strict=True):
        if prompt in INNOCENTS:
            assert got == expected(model_folder, prompt), prompt
        else:
            assert isinstance(got, ApiError), prompt
            assert got.status == 500


@kinds
@run_settings
@given(
    prompts=st.lists(st.sampled_from(INNOCENTS), min_size=1, max_size=6),
    kills=st.frozensets(st.integers(1, 80), max_size=8),
    seed=st.integers(0, 1000),
)
def test_killed_workers_change_no_answer(
    model_folder: Path, prompts: list[str], kills: frozenset[int], seed: int, kind: type[Engine]
) -> None:
    answers = run_prompts(model_folder, prompts, kills=kills, seed=seed, kind=kind)

    assert answers == [expected(model_folder, prompt) for prompt in prompts]


@kinds
@pytest.mark.parametrize("seed", range(5))
def test_culprit_among_many_costs_two_restarts(
    model_folder: Path, seed: int, kind: type[Engine]
) -> None:
    """The step that all share, and then its own; whatever of the tokens before it was lost."""

    async def run() -> int:
        world = World(model_folder, frozenset(), seed, kind)
        tokenizer = make_pipeline(model_folder).tokenizer
        prompts = ["forever", "forever, but die at 7", "forever"]
        asking = [
            asyncio.create_task(answer(world.client, make_context(tokenizer, prompt)))
            for prompt in prompts
        ]
        await asyncio.sleep(0)
        await world.run()
        await asyncio.gather(*asking)
        return world.num_restarts

    # The last of the lives is the one that ends with the last request.
    assert asyncio.run(run()) == 2 + 1
