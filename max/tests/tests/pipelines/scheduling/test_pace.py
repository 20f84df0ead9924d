"""Steps of running streams take the time that they should, whatever the machine.

The machine is a formula, and time is what it says: docs/benchmarks/serving.md has the real one.
"""

from __future__ import annotations

from random import Random
from statistics import median

import pytest

from max.pipelines.config.runtime_config import TARGET_STEP_MS
from max.pipelines.context import TextContext, TokenBuffer
from max.pipelines.scheduling import Batch, SchedulerConfig
from max.pipelines.scheduling.pace import MIN_PROMPT_TOKENS, Pace
from max.pipelines.scheduling.step_cost import StepShape
from tests.pipelines.scheduling.timed_server import TimedServer, two_cores

BUDGET = 256


def make_server(target_step_ms: float | None, slowness: float = 1.0) -> TimedServer:
    """A server on two cores that take so many times as long."""
    config = SchedulerConfig(
        max_batch_size=64, max_batch_input_tokens=BUDGET, target_step_ms=target_step_ms
    )
    return TimedServer(config, lambda shape: slowness * two_cores(shape))


def run_burst(target_step_ms: float | None, slowness: float = 1.0) -> TimedServer:
    """16 prompts of 128 tokens at once, with answers of 64."""
    server = make_server(target_step_ms, slowness)
    for number in range(16):
        server.add(f"r{number}", 128, 64)
    server.run()
    return server


def mixed(server: TimedServer) -> list[Batch]:
    """The steps that computed tokens of prompts beside streams."""
    return [batch for batch in server.steps if batch.shape.streams and batch.shape.prompt_tokens]


def percentile(ordered: list[float], share: float) -> float:
    return ordered[int(share * len(ordered))]


def test_a_burst_on_two_cores_keeps_its_streams_within_the_default_target() -> None:
    free, paced = run_burst(None), run_burst(TARGET_STEP_MS["cpu"])
    assert percentile(free.gaps, 0.99) > 0.6
    assert percentile(paced.gaps, 0.99) < 0.25
    # What a step costs beside its tokens is paid more often, and the last streams end later.
    assert paced.clock < 1.035 * free.clock
    assert median(paced.first_tokens) < 1.15 * median(free.first_tokens)


def test_where_requests_follow_each_other_little_is_lost() -> None:
    """What a burst loses, it loses at its end, by streams that are far apart."""

    def run_loop(target_step_ms: float | None) -> TimedServer:
        server = make_server(target_step_ms)
        for number in range(64):
            while server.scheduler.num_running + server.scheduler.num_waiting == 16:
                server.step()
            server.add(f"r{number}", 128, 64)
        server.run()
        return server

    free, paced = run_loop(None), run_loop(TARGET_STEP_MS["cpu"])
    assert paced.clock < 1.015 * free.clock
    assert percentile(paced.gaps, 0.99) < 0.25


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.04])
def test_steps_end_before_the_target_however_well_they_are_predicted(noise: float) -> None:
    """A step of a new size records a program first, and what runs beside it is felt."""
    sizes = set[tuple[int, int]]()
    random = Random(0)

    def machine(shape: StepShape) -> float:
        size = shape.streams, shape.prompt_tokens
        recording_s = 0.0 if size in sizes else 0.01
        sizes.add(size)
        return (two_cores(shape) + recording_s) * random.gauss(1, noise)

    server = make_server(250)
    server.machine = machine
    for number in range(16):
        server.add(f"r{number}", 128, 64)
    server.run()
    assert percentile(server.gaps, 0.99) < 0.252
    steps = [seconds for seconds in server.seconds if seconds > 0.15]
    assert median(steps) > 0.84 * 0.25


@pytest.mark.parametrize("slowness", [1.0, 1.5, 2.0])
def test_steps_take_the_same_time_on_machines_of_any_speed(slowness: float) -> None:
    server = run_burst(400, slowness)
    seconds = [slowness * two_cores(batch.shape) for batch in mixed(server)]
    assert max(seconds) < 1.15 * 0.4
    assert median(seconds) > 0.85 * 0.4


def test_what_a_step_was_made_to_take_is_told() -> None:
    server = run_burst(220)
    errors = [
        abs(batch.predicted_s / two_cores(batch.shape) - 1)
        for batch in mixed(server)
        if batch.predicted_s is not None
    ]
    assert len(errors) == len(mixed(server))
    assert median(errors) < 0.05
    alone = [batch for batch in server.steps if not batch.shape.prompt_tokens]
    assert all(batch.predicted_s is None for batch in alone)


def test_where_nobody_waits_for_a_next_token_prompts_get_all() -> None:
    server = run_burst(220)
    assert server.steps[0].input_tokens == BUDGET


def test_a_fast_machine_is_not_held_back() -> None:
    assert run_burst(220, 0.01).clock == run_burst(None, 0.01).clock


def test_a_slow_machine_still_computes_prompts_in_pieces_that_are_worth_it() -> None:
    server = run_burst(220, 50.0)
    prompts = [batch.shape.prompt_tokens for batch in mixed(server)]
    # A piece ends where its prompt does.
    assert median(prompts) == MIN_PROMPT_TOKENS
    assert max(prompts[1:]) == MIN_PROMPT_TOKENS


def test_pieces_of_a_long_prompt_shrink_as_they_look_back_at_more() -> None:
    server = make_server(220)
    server.add("stream", 16, 600)
    server.step()
    long = server.add("long", 8_192, 1)
    while not long.tokens.generated_length:
        server.step()
    steps = mixed(server)
    early, late = steps[20].shape, steps[-2].shape
    assert late.prompt_tokens < 0.75 * early.prompt_tokens
    assert two_cores(late) == pytest.approx(two_cores(early), rel=0.1)


def test_a_machine_that_becomes_slower_is_followed() -> None:
    server = make_server(400)
    for number in range(24):
        server.add(f"r{number}", 128, 64)
    while len(mixed(server)) < 20:
        server.step()
    server.machine = lambda shape: 1.5 * two_cores(shape)
    before = len(mixed(server))
    while len(mixed(server)) < before + 15:
        server.step()
    assert 1.5 * two_cores(mixed(server)[-1].shape) < 1.15 * 0.4


def test_a_hiccup_does_not_starve_prompts() -> None:
    server = make_server(300)
    for number in range(16):
        server.add(f"r{number}", 128, 64)
    while len(mixed(server)) < 10:
        server.step()
    usual = mixed(server)[-1].shape.prompt_tokens
    server.machine = lambda shape: 30.0
    server.step()
    server.machine = two_cores
    for _ in range(4):
        server.step()
    assert mixed(server)[-1].shape.prompt_tokens > 0.7 * usual


def test_without_streams_or_prompts_nothing_is_predicted() -> None:
    server = make_server(220)
    server.add("alone", 600, 8)
    server.run()
    assert all(batch.predicted_s is None for batch in server.steps)
    assert server.steps[0].shape == StepShape(0, 256, 256 * 257 // 2)


def test_first_step_is_not_predicted() -> None:
    """Two prompts at once, of which one is a single token, as that of a stream."""
    server = make_server(target_step_ms=250)
    server.add("short", 1, 4)
    server.add("long", 100, 4)
    server.run()
    assert server.steps[0].predicted_s is None
    assert server.steps[0].shape == StepShape(1, 100, 1 + 100 * 101 // 2)


def test_few_numbers_of_tokens_occur() -> None:
    server = run_burst(240)
    limited = [batch for batch in mixed(server) if (batch.predicted_s or 0) > 0.2]
    assert len(limited) > 30
    assert sum(batch.input_tokens % 4 == 0 for batch in limited) > 0.9 * len(limited)
    assert len({(batch.input_tokens, len(batch.contexts)) for batch in limited}) < len(limited)


def make_contexts(count: int) -> list[TextContext]:
    return [TextContext(max_length=200, tokens=TokenBuffer(range(100))) for _ in range(count)]


@pytest.mark.parametrize(
    ("lacking", "used", "shares"),
    [
        # As `split` deals them out: the oldest has half, the rest is of who used least.
        ([100, 3, 60], [9, 9, 1], [5, 0, 5]),
        ([1, 100, 3], [99, 9, 1], [1, 5, 3]),
    ],
)
def test_what_clients_have_used_counts(
    lacking: list[int], used: list[float], shares: list[int]
) -> None:
    assert Pace(1.0).split(make_contexts(3), lacking, 10, used).shares == shares


def test_what_clients_have_used_counts_where_time_is_short() -> None:
    pace = Pace(0.1)
    pace.observe(StepShape(1, 50, 2_000), 10.0)
    lacking, used = [1, 90, 30, 60], [0.0, 9.0, 9.0, 1.0]

    sized = pace.split(make_contexts(4), lacking, 181, used)

    assert sized.shares == [1, MIN_PROMPT_TOKENS // 2, 0, MIN_PROMPT_TOKENS // 2]


def test_last_step_of_streams_alone_is_looked_at_when_prompts_come() -> None:
    """A step of 16 streams took 0.9 of the time that there is, so prompts get hardly any."""
    pace = Pace(0.1)
    for _ in range(3):
        pace.observe(StepShape(16, 0, 800), 0.09)
    lacking = [1] * 16 + [90]

    assert pace.split(make_contexts(17), lacking, 256).shares[-1] == MIN_PROMPT_TOKENS
