"""A scheduler, a cache and a model, driven through a history and watched in every step."""

from __future__ import annotations

import zlib
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from max.pipelines.context import TextContext, TextGenerationOutput
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.scheduling import (
    Batch,
    LaunchedStep,
    OverlapPipeline,
    RequestTooLargeError,
    Scheduler,
)
from tests.pipelines.scheduling.histories import (
    Arrival,
    Cancellation,
    Event,
    ResetCache,
    Setup,
    Steps,
)


def seconds_of(batch: Batch) -> float:
    """What a step is said to have taken: much or little, but the same for each of its shape."""
    return zlib.crc32(repr(batch.shape).encode()) % 1000 / 1000


class ModelUnderTest(Protocol):
    """Makes what a world consists of."""

    def start(self, setup: Setup) -> tuple[PagedKVCacheManager, RunsSteps]:
        """An empty cache, and what runs steps over it."""
        ...

    def make_context(self, arrival: Arrival, name: str) -> TextContext:
        """A request of that name."""
        ...

    def solo_answer(self, arrival: Arrival) -> list[int]:
        """The tokens that it gets alone."""
        ...


class RunsSteps(Protocol):
    """Runs a step."""

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        """See `TextGenerationPipeline.execute`."""
        ...


@dataclass
class World:
    """A server, and what is known about its requests.

    `take` events, then `check_answers`.
    """

    setup: Setup
    model: ModelUnderTest
    arrivals: list[Arrival] = field(default_factory=list)
    contexts: list[TextContext] = field(default_factory=list)
    cancelled: set[RequestID] = field(default_factory=set)
    done: set[RequestID] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.manager, self.pipeline = self.model.start(self.setup)
        self.scheduler = Scheduler(self.setup.config, self.manager)

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
        ctx = self.model.make_context(arrival, f"r{len(self.contexts)}")
        ctx.client, ctx.client_weight = arrival.client, arrival.weight
        limit = self.setup.config.max_seq_len or max_length
        while self.manager.pages_for(limit) > self.manager.total_num_pages:
            limit -= 1
        try:
            self.scheduler.add(ctx)
        except RequestTooLargeError as refused:
            assert max_length > limit
            assert refused.max_tokens >= limit
        else:
            assert max_length <= limit
            self.contexts.append(ctx)
            self.arrivals.append(arrival)

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
        self.scheduler.observe(batch, seconds_of(batch))
        self.done |= {request_id for request_id, output in outputs.items() if output.is_done}
        self.manager.check_integrity()

    @property
    def has_work(self) -> bool:
        """Whether a request or a step is not done."""
        return self.scheduler.has_work

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
        has_one_client = len({ctx.client for ctx in self.contexts}) == 1
        if not batch.num_preempted:
            assert set(map(id, ran)) <= set(map(id, running))
        elif has_one_client:  # Of several, one may have yielded its place to another.
            assert running == ran[: len(running)]
        oldest = (ran or batch.contexts)[0]
        assert any(ctx is oldest for ctx in batch.contexts)
        if not self.setup.caching and has_one_client:
            arrived = [ctx for ctx in self.contexts if not ctx.is_done]
            assert running == arrived[: len(running)]
        if config.max_batch_total_tokens is None and config.enable_chunked_prefill:
            streams = [ctx for ctx in running if ctx.tokens.remaining_length == 1]
            assert all(any(ctx is other for other in batch.contexts) for ctx in streams)
        if config.max_batch_total_tokens is not None:
            page_size = self.setup.page_size
            pages = [-(-len(ctx.tokens) // page_size) for ctx in batch.contexts]
            assert sum(pages) <= -(-config.max_batch_total_tokens // page_size)

    def running(self) -> list[TextContext]:
        """The requests that hold pages, in the order in which they began."""
        holding = [ctx for ctx in self.contexts if self.manager.contains(ctx.request_id)]
        running = list(self.scheduler.running)
        assert set(map(id, holding)) == set(map(id, running))
        return running

    def finish(self) -> None:
        """Runs until nothing is left, in at most as many steps as the requests have tokens: the
        oldest one is never preempted and gets a token in every step."""
        for _ in range(sum(ctx.max_length for ctx in self.contexts)):
            if not self.has_work:
                break
            self.step()
        assert not self.has_work

    def check_answers(self) -> None:
        """Runs to the end: everybody has the tokens of a solo run, and all pages are free."""
        self.finish()
        assert self.manager.num_free_pages == self.manager.total_num_pages
        for ctx, arrival in zip(self.contexts, self.arrivals, strict=True):
            expected = self.model.solo_answer(arrival)
            given_tokens = ctx.tokens.all[: ctx.tokens.known_length].tolist()[len(arrival.prompt) :]
            if ctx.request_id in self.cancelled:
                assert given_tokens == expected[: len(given_tokens)]
            else:
                assert ctx.request_id in self.done
                assert given_tokens == expected


@dataclass
class OverlappedWorld(World):
    """A world whose steps are launched before the last one is collected, as in `run_overlapped`.

    Events come between a launch and a collection.
    """

    executor: Executor = field(default_factory=lambda: ThreadPoolExecutor(1))
    running_step: tuple[Batch, LaunchedStep] | None = None
    num_overlapped: int = 0

    @property
    def has_work(self) -> bool:
        return self.scheduler.has_work or self.running_step is not None

    def step(self) -> None:
        assert isinstance(self.pipeline, OverlapPipeline)
        if self.running_step is not None and self.running_step[1].needs_collect:
            self.collect()
        before = self.running_step
        batch = self.scheduler.schedule()
        launched = None
        if batch is not None:
            inputs = TextGenerationInputs(batches=[batch.contexts])
            after = before[1] if before is not None else None
            launched = batch, self.pipeline.launch(inputs, after, self.executor)
        if before is not None:
            self.num_overlapped += launched is not None
            self.collect()
        self.running_step = launched
        self.manager.check_integrity()

    def collect(self) -> None:
        assert isinstance(self.pipeline, OverlapPipeline) and self.running_step is not None
        batch, step = self.running_step
        outputs = self.pipeline.collect(step)
        self.scheduler.finish_step(batch, outputs)
        self.scheduler.observe(batch, seconds_of(batch))
        self.done |= {request_id for request_id, output in outputs.items() if output.is_done}
        self.running_step = None

    def check_answers(self) -> None:
        super().check_answers()
        self.executor.shutdown()
