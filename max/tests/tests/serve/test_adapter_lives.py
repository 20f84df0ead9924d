"""A server's life with adapters: whatever comes between, each request has the tokens it has alone.

The API process's client and directory of adapters, the worker's engine, scheduler, pages and slots,
and a tiny model are the real ones, in one process; workers die and come again.
"""

# build: size = "medium"

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from max.pipelines.config import LoRAConfig
from max.pipelines.context import TextContext
from max.pipelines.scheduling import Scheduler, SchedulerConfig
from max.serve.adapters import AdapterDirectory
from max.serve.engine_client import EngineClient
from max.serve.errors import ApiError
from max.serve.messages import Adapter
from max.serve.worker.adapter_loader import AdapterLoader, load_all
from max.serve.worker.crash_record import CrashRecord
from max.serve.worker.engine import Engine
from tests.pipelines.lora.adapters_of_tests import PAGE_SIZE, AdaptedModel, make_adapted_model
from tests.pipelines.scheduling.histories import Arrival, Setup, arrivals
from tests.serve.lossy_channel import Commands, LossyChannel, Paused

# Few pages, so that requests are preempted.
SETUP = Setup(
    12, PAGE_SIZE, caching=True, config=SchedulerConfig(max_batch_size=4, max_batch_input_tokens=16)
)
numbers = st.integers(0, 2)
# Far more than all requests of a history have tokens; a thread may look at files meanwhile.
MOST_TURNS = 100_000


class LoaderAtOnce(AdapterLoader):
    """Loads in the engine's own thread, so that a history can be repeated."""

    def load(self, adapter: Adapter) -> None:
        self._load(adapter)


class Life:
    """One worker's."""

    def __init__(self, model: AdaptedModel, client: EngineClient) -> None:
        self.channel = LossyChannel()
        self.manager, pipeline = model.start(SETUP)
        pipeline.adapters = adapters = model.make_adapters(are_known=False)
        self.pool = adapters.pool
        scheduler = Scheduler(SETUP.config, self.manager, self.pool)
        self._folder = tempfile.TemporaryDirectory()
        self._record = CrashRecord(Path(self._folder.name))
        assert load_all(adapters, client.adapters.loaded) == {}
        loader = LoaderAtOnce(adapters, self.channel.send)
        self._engine = Engine(pipeline, scheduler, self.channel, self._record, loader)
        client.connect(Commands(self.channel), max_batch_size=4)

    def turn(self) -> None:
        """Lets the engine run a step."""
        self.channel.looks_left = 1
        with suppress(Paused):
            self._engine.run()
        self.manager.check_integrity()
        self.pool.check_integrity()

    async def deliver(self, client: EngineClient) -> None:
        """Hands over what the engine has sent."""
        while self.channel.events:
            client.handle(self.channel.events.popleft())

    def end(self) -> None:
        self._record.close()
        self._folder.cleanup()


@dataclass
class Asked:
    """A request, and the tokens that its client has so far."""

    arrival: Arrival
    tokens: list[int] = field(default_factory=list)
    is_done: bool = False
    error: ApiError | None = None

    async def run(self, client: EngineClient, context: TextContext) -> None:
        try:
            generation = await client.submit([context])
        except ApiError as error:
            self.error = error
            return
        try:
            while not self.is_done:
                for delta in await generation.take():
                    self.tokens += delta.tokens
                    self.is_done = self.is_done or delta.status.is_done
        finally:
            generation.close()


class Server(RuleBasedStateMachine):
    """A server with three adapters to load and two slots."""

    model: ClassVar[AdaptedModel]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.client = EngineClient()
        self.directory = AdapterDirectory("base", self.client, LoRAConfig(enable_lora=True))
        self.life = Life(self.model, self.client)
        self.asked: list[tuple[Asked, asyncio.Task[None]]] = []
        self.loads: list[asyncio.Task[None]] = []

    @rule(number=numbers, waits=st.booleans())
    def load(self, number: int, waits: bool) -> None:
        path = str(self.model.folders[number])
        self.loads.append(self.loop.create_task(self.directory.load(f"a{number}", path)))
        if waits:
            self.pump(self.loads[-1].done)
            assert f"a{number}" in self.directory.names

    @rule(number=numbers)
    def unload(self, number: int) -> None:
        name = f"a{number}"
        if name in self.directory.names:
            self.directory.unload(name)
        else:
            with pytest.raises(ApiError, match="not found"):
                self.directory.unload(name)

    @rule(arrival=arrivals)
    def ask(self, arrival: Arrival) -> None:
        """Of an adapter that is not loaded nobody gets this far: its name is not found."""
        context = self.model.make_context(arrival, f"r{len(self.asked)}")
        if arrival.seed:
            context.model_name = f"a{arrival.seed - 1}"
            served = self.directory.find(context.model_name)
            if served is None:
                return
            assert served.adapter.digest == context.adapter
        asked = Asked(arrival)
        task = self.loop.create_task(asked.run(self.client, context))
        self.asked.append((asked, task))
        self.pump(lambda: True)

    @rule(index=st.integers(0, 9))
    def go_away(self, index: int) -> None:
        if self.asked:
            self.asked[index % len(self.asked)][1].cancel()

    @rule(count=st.integers(1, 8))
    def run_steps(self, count: int) -> None:
        left = iter(range(count))
        self.pump(lambda: next(left, None) is None)

    @rule(lost=st.integers(0, 3), turns=st.integers(0, 2))
    def kill(self, lost: int, turns: int) -> None:
        """The worker dies, and what it sent last does not arrive."""
        for _ in range(turns):
            self.life.turn()
        events = self.life.channel.events
        for _ in range(min(lost, len(events))):
            events.pop()
        self.loop.run_until_complete(self.life.deliver(self.client))
        self.life.end()
        self.client.disconnect({}, "it was killed", killed=True)
        self.life = Life(self.model, self.client)
        self.pump(lambda: True)

    def pump(self, until: Callable[[], bool]) -> None:
        """Runs steps and the loop, once at least."""

        async def run() -> None:
            for _ in range(MOST_TURNS):
                await asyncio.sleep(0)
                self.life.turn()
                await self.life.deliver(self.client)
                await asyncio.sleep(0)
                if until():
                    return
            raise AssertionError(f"something is not done after {MOST_TURNS} steps")

        self.loop.run_until_complete(run())

    def teardown(self) -> None:
        tasks = [*self.loads, *(task for _, task in self.asked)]
        self.pump(lambda: all(task.done() for task in tasks))
        for load in self.loads:
            load.result()
        for asked, task in self.asked:
            expected = self.model.solo_answer(asked.arrival)
            if task.cancelled():
                assert asked.tokens == expected[: len(asked.tokens)]
            else:
                task.result()
                assert asked.error is None and asked.tokens == expected
        for name in self.directory.names:
            self.directory.unload(name)
        self.pump(lambda: True)
        assert not self.life.pool.held and not self.life.pool.known and not self.life.pool.resident
        assert self.life.manager.num_free_pages == self.life.manager.total_num_pages
        assert not self.client.adapters.loaded and not self.client.num_running
        self.life.end()
        self.loop.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AdaptedModel:
    return make_adapted_model(tmp_path_factory.mktemp("adapters"))


def check(model: AdaptedModel, histories: int, rules: int) -> None:
    Server.model = model
    run_state_machine_as_test(
        Server,
        settings=settings(max_examples=histories, stateful_step_count=rules, deadline=None),
    )


def test_each_request_has_the_tokens_of_a_solo_run(model: AdaptedModel) -> None:
    check(model, histories=8, rules=20)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_request_has_the_tokens_of_a_solo_run_in_many_lives(model: AdaptedModel) -> None:
    check(model, histories=200, rules=50)
