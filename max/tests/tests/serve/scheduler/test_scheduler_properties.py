"""Random arrivals, lengths, cancellations, page shortages and budgets.

Every request gets the tokens that it would have got alone; the pages always add up; nobody starves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.context import TextContext
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.serve.scheduler import Batch, RequestTooLargeError, Scheduler, SchedulerConfig
from tests.serve.scheduler.fake_model import (
    FakePipeline,
    make_context,
    make_manager,
    solo_answer,
)


@dataclass(frozen=True)
class Arrival:
    """A request: its prompt, how much it may generate, its cache's salt."""

    prompt: list[int]
    max_new_tokens: int
    salt: str | None


@dataclass(frozen=True)
class Cancellation:
    """Cancels the request that arrived as that one (modulo the number of arrivals)."""

    index: int


@dataclass(frozen=True)
class Steps:
    """Lets the server run some steps."""

    count: int


@dataclass(frozen=True)
class ResetCache:
    """Forgets the cached prefixes."""


Event = Arrival | Cancellation | Steps | ResetCache


@dataclass(frozen=True)
class Setup:
    """A server's limits."""

    total_pages: int
    page_size: int
    caching: bool
    config: SchedulerConfig


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    """Limits under which several requests run at once, often short of pages."""
    page_size = draw(st.integers(1, 5))
    capacity = draw(st.integers(16, 60))
    batch_size = draw(st.integers(1, 6))
    longest = draw(st.integers(16, 40))
    config = SchedulerConfig(
        max_batch_size=batch_size,
        max_batch_input_tokens=draw(st.integers(batch_size, 40)),
        max_batch_total_tokens=draw(st.none() | st.integers(longest, 3 * longest)),
        max_seq_len=longest,
        enable_chunked_prefill=draw(st.booleans()),
        kvcache_ce_watermark=draw(st.sampled_from([1.0, 0.9, 0.5, 0.0])),
    )
    return Setup(capacity // page_size, page_size, draw(st.booleans()), config)


# Few distinct beginnings, so that prefixes are often shared, in part or wholly.
heads = st.sampled_from([[], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 9, 9]])
tails = st.lists(st.integers(1, 3), min_size=1, max_size=8)
prompts = st.builds(lambda head, tail: head + tail, heads, tails)
arrivals = st.builds(Arrival, prompts, st.integers(1, 16), st.sampled_from([None, None, "x"]))
choices = st.builds(lambda arrival, n: n * [arrival], arrivals, st.integers(1, 3))
bursts = st.lists(choices, min_size=1, max_size=4).map(lambda lists: [a for n in lists for a in n])
others = st.lists(
    st.builds(Steps, st.integers(1, 8))
    | st.builds(Cancellation, st.integers(0, 20))
    | st.builds(ResetCache),
    max_size=4,
)
histories = st.lists(
    st.builds(lambda burst, then: [*burst, *then], bursts, others), min_size=2, max_size=6
).map(lambda parts: [event for part in parts for event in part])


@dataclass
class World:
    """A server, and what is known about its requests."""

    setup: Setup
    contexts: list[TextContext] = field(default_factory=list)
    cancelled: set[RequestID] = field(default_factory=set)
    done: set[RequestID] = field(default_factory=set)
    begun: list[TextContext] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.manager = make_manager(
            self.setup.total_pages, page_size=self.setup.page_size, caching=self.setup.caching
        )
        self.scheduler = Scheduler(self.setup.config, self.manager)
        self.pipeline = FakePipeline(self.manager)

    def take(self, event: Event) -> None:
        match event:
            case Arrival():
                self.add(event)
            case Steps(count=count):
                for _ in range(count):
                    self.step()
            case Cancellation(index=index):
                self.cancel(index)
            case ResetCache():
                self.manager.reset_prefix_cache()
        self.manager.check_integrity()

    def add(self, arrival: Arrival) -> None:
        max_length = len(arrival.prompt) + arrival.max_new_tokens
        ctx = make_context(arrival.prompt, max_length, f"r{len(self.contexts)}", arrival.salt)
        limit = min(
            self.setup.total_pages * self.setup.page_size,
            self.setup.config.max_seq_len or max_length,
        )
        try:
            self.scheduler.add(ctx)
        except RequestTooLargeError as refused:
            assert max_length > limit
            assert refused.max_tokens >= limit
        else:
            assert max_length <= limit
            self.contexts.append(ctx)

    def cancel(self, index: int) -> None:
        if not self.contexts:
            return
        request_id = self.contexts[index % len(self.contexts)].request_id
        if self.scheduler.cancel(request_id):
            self.cancelled.add(request_id)
        assert not self.manager.contains(request_id)

    def step(self) -> None:
        ran = self.running()
        batch = self.scheduler.schedule()
        assert (batch is not None) == self.scheduler.has_work
        if batch is None:
            return
        self.check_batch(batch, ran)
        outputs = self.pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
        assert outputs.keys() == {ctx.request_id for ctx in batch.contexts}
        self.scheduler.finish_step(batch, outputs)
        self.done |= {request_id for request_id, output in outputs.items() if output.is_done}
        self.manager.check_integrity()

    def check_batch(self, batch: Batch, ran: list[TextContext]) -> None:
        """The step keeps the limits, stops no stream, and nobody was left behind.

        Args:
            batch: the step.
            ran: who held pages before, in the order in which they began.
        """
        config = self.setup.config
        assert all(ctx.tokens.active_length >= 1 for ctx in batch.contexts)
        assert batch.input_tokens == sum(len(ctx.tokens.active) for ctx in batch.contexts)
        alone = not config.enable_chunked_prefill and len(batch.contexts) == 1
        assert alone or batch.input_tokens <= config.max_batch_input_tokens
        running = self.running()
        assert len(running) <= config.max_batch_size
        if batch.num_preempted:
            assert running == ran[: len(running)]
        else:
            assert set(map(id, ran)) <= set(map(id, running))
        oldest = (ran or batch.contexts)[0]
        assert any(ctx is oldest for ctx in batch.contexts)
        if not self.setup.caching:
            arrived = [ctx for ctx in self.contexts if not ctx.is_done]
            assert running == arrived[: len(running)]
        if config.max_batch_total_tokens is None:
            streams = [ctx for ctx in running if ctx.tokens.remaining_length == 1]
            assert all(any(ctx is other for other in batch.contexts) for ctx in streams)
        else:
            pages = [self.manager.pages_for(len(ctx.tokens)) for ctx in batch.contexts]
            assert sum(pages) <= self.manager.pages_for(config.max_batch_total_tokens)

    def running(self) -> list[TextContext]:
        """The requests that hold pages, in the order in which they began."""
        holding = [ctx for ctx in self.contexts if self.manager.contains(ctx.request_id)]
        self.begun = [ctx for ctx in self.begun if any(ctx is other for other in holding)]
        self.begun += [ctx for ctx in holding if all(ctx is not other for other in self.begun)]
        return list(self.begun)

    def finish(self) -> None:
        """Runs until nothing is left, in at most as many steps as the requests have tokens: the
        oldest one is never preempted and gets a token in every step."""
        for _ in range(sum(ctx.max_length for ctx in self.contexts)):
            if not self.scheduler.has_work:
                break
            self.step()
        assert not self.scheduler.has_work


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(setup=setups(), history=histories)
def test_everybody_gets_the_tokens_of_a_solo_run(setup: Setup, history: list[Event]) -> None:
    world = World(setup)
    for event in history:
        world.take(event)
    world.finish()
    assert world.manager.num_free_pages == setup.total_pages
    for ctx in world.contexts:
        expected = solo_answer(ctx.tokens.prompt.tolist(), ctx.max_length)
        given_tokens = ctx.tokens.generated.tolist()
        if ctx.request_id in world.cancelled:
            assert given_tokens == expected[: len(given_tokens)]
        else:
            assert ctx.request_id in world.done
            assert given_tokens == expected


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(prompts, min_size=1, max_size=4), st.integers(4, 30), st.booleans())
def test_every_budget_gives_the_same_tokens(
    batch: list[list[int]], budget: int, caching: bool
) -> None:
    config = SchedulerConfig(max_batch_size=4, max_batch_input_tokens=budget)
    world = World(Setup(total_pages=40, page_size=4, caching=caching, config=config))
    for prompt in batch:
        world.add(Arrival(prompt, max_new_tokens=6, salt=None))
    world.finish()
    for ctx in world.contexts:
        prompt = ctx.tokens.prompt.tolist()
        assert ctx.tokens.generated.tolist() == solo_answer(prompt, ctx.max_length)
