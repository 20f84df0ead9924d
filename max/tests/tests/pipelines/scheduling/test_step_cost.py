"""What a step costs is learned from the steps that ran."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.scheduling.step_cost import StepCost, StepShape

TYPICAL_S = 0.25
SHAPES = [
    StepShape(0, 128, 128 * 129 // 2),
    StepShape(0, 256, 256 * 257 // 2),
    StepShape(1, 120, 8_000),
    StepShape(4, 60, 6_000),
    StepShape(8, 40, 5_000),
    StepShape(16, 0, 3_000),
    StepShape(16, 32, 200_000),
]


def linear_machine(shape: StepShape, slowness: float = 1.0) -> float:
    """Seconds of a step on a machine that is just as the model of its cost."""
    step, stream, token, pair = 0.02, 0.006, 0.0045, 5e-7
    return slowness * (
        step + shape.streams * stream + shape.prompt_tokens * token + shape.attended * pair
    )


def make_trained(slowness: float = 1.0) -> StepCost:
    cost = StepCost(TYPICAL_S)
    for _ in range(3):
        for shape in SHAPES:
            cost.observe(shape, linear_machine(shape, slowness))
    return cost


def test_before_the_first_step_it_knows_nothing() -> None:
    assert StepCost(TYPICAL_S).predict(SHAPES[0]) == 0


@pytest.mark.parametrize("slowness", [1.0, 0.001, 100.0])
def test_steps_that_never_ran_are_predicted(slowness: float) -> None:
    cost = make_trained(slowness)
    for shape in (StepShape(6, 45, 7_000), StepShape(2, 200, 30_000), StepShape(12, 50, 100_000)):
        assert cost.predict(shape) == pytest.approx(linear_machine(shape, slowness), rel=0.05)


def test_one_step_tells_the_order_of_magnitude_of_others() -> None:
    cost = StepCost(TYPICAL_S)
    cost.observe(SHAPES[1], linear_machine(SHAPES[1]))
    expected = linear_machine(SHAPES[3])
    assert 0.5 * expected < cost.predict(SHAPES[3]) < 1.5 * expected


def test_a_step_that_was_held_up_once_is_an_outlier() -> None:
    cost, shape = make_trained(), SHAPES[3]
    before = cost.predict(shape)
    cost.observe(shape, 20 * linear_machine(shape))
    assert cost.predict(shape) < 1.5 * before
    for _ in range(4):
        cost.observe(shape, linear_machine(shape))
    assert cost.predict(shape) == pytest.approx(before, rel=0.1)


@pytest.mark.parametrize("slowness", [0.4, 2.5])
def test_it_follows_a_machine_that_changes(slowness: float) -> None:
    cost, shape = make_trained(), SHAPES[3]
    for _ in range(8):
        cost.observe(shape, linear_machine(shape, slowness))
    assert cost.predict(shape) == pytest.approx(linear_machine(shape, slowness), rel=0.15)


def test_what_is_known_of_other_shapes_stays() -> None:
    cost, prompt = make_trained(), SHAPES[1]
    for _ in range(100):
        cost.observe(SHAPES[5], linear_machine(SHAPES[5]))
    assert cost.predict(prompt) == pytest.approx(linear_machine(prompt), rel=0.1)


shapes = st.builds(
    StepShape, st.integers(0, 300), st.integers(0, 9_000), st.integers(1, 100_000_000)
)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(shapes, st.floats(0, 1e4)), max_size=90), shapes, shapes)
def test_whatever_ran_more_work_never_takes_less_time(
    steps: list[tuple[StepShape, float]], shape: StepShape, more: StepShape
) -> None:
    cost = StepCost(TYPICAL_S)
    for each, seconds in steps:
        cost.observe(each, seconds)
    less = cost.predict(shape)
    both = cost.predict(StepShape(*(a + b for a, b in zip(shape, more, strict=True))))
    assert math.isfinite(both)
    assert 0 <= less <= both


def make_context(processed: int) -> TextContext:
    ctx = TextContext(max_length=100, tokens=TokenBuffer(range(50)))
    if processed:
        ctx.tokens.chunk(processed)
        ctx.tokens.advance()
    return ctx


def test_shape_of_a_step() -> None:
    shares = [
        (make_context(5), 1),
        (make_context(0), 4),
        (make_context(7), 1),
        (make_context(2), 2),
    ]
    # A token sees itself and those before it: 6, 1 + 2 + 3 + 4, 8, 3 + 4.
    assert StepShape.of(shares) == StepShape(2, 6, 6 + 10 + 8 + 7)
    assert StepShape.of([]) == StepShape(0, 0, 0)


def test_observations_of_shapes_of_a_kind_are_one_in_their_middle() -> None:
    cost = StepCost(TYPICAL_S)
    few, many = StepShape(4, 33, 3_000), StepShape(7, 60, 20_000)
    for _ in range(20):
        cost.observe(few, linear_machine(few))
        cost.observe(many, linear_machine(many))
    for shape in (few, many):
        assert cost.predict(shape) == pytest.approx(linear_machine(shape), rel=0.1)


def test_the_kind_that_was_not_seen_for_longest_is_forgotten() -> None:
    cost = StepCost(TYPICAL_S)
    kinds = [StepShape(1 << a, 1 << b, 1000) for a in range(9) for b in range(9)][:65]
    for shape in kinds:
        cost.observe(shape, linear_machine(shape))

    kept = [tuple(seen.features[1:3]) for seen in cost._seen.values()]
    assert kept == [(shape.streams, shape.prompt_tokens) for shape in kinds[1:]]
