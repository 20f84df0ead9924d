"""A scheduler on a machine whose steps take known times, by a clock that only they move."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from max.pipelines.context import GenerationStatus, TextContext, TextGenerationOutput
from max.pipelines.modeling.types import RequestID
from max.pipelines.scheduling import Batch, Scheduler, SchedulerConfig
from max.pipelines.scheduling.step_cost import StepShape
from tests.pipelines.scheduling.fake_model import make_context, make_manager

PAGE_SIZE = 128


def two_cores(shape: StepShape) -> float:
    """Seconds of a step of a model with a billion weights in bfloat16 on two cores.

    It multiplies at 92 % of 0.466 x 10^12 operations a second, 1.95 x 10^9 for a token of a prompt
    and 2.47 x 10^9 for one that is sampled, and reads 2.47 GB meanwhile at 62 GB/s, of which a
    tenth does not hide; 0.5 µs for a pair of tokens that attend (docs/benchmarks/serving.md).
    """
    arithmetic = (1.95 * shape.prompt_tokens + 2.47 * shape.streams) / (0.92 * 466)
    reading = 2.47 / 62
    return max(arithmetic + 0.1 * reading, reading) + 0.5e-6 * shape.attended + 0.001


class TimedServer:
    """Runs requests, and keeps when each got its tokens.

    Args:
        config: limits of a step.
        machine: seconds that a step takes.
    """

    def __init__(self, config: SchedulerConfig, machine: Callable[[StepShape], float]) -> None:
        self._manager = make_manager(1000, page_size=PAGE_SIZE)
        self.scheduler = Scheduler(config, self._manager)
        self.machine = machine
        self.clock = 0.0
        self.times: dict[RequestID, list[float]] = {}
        self.steps: list[Batch] = []
        self.seconds: list[float] = []

    def add(self, name: str, prompt_length: int, new_tokens: int) -> TextContext:
        """A request that arrives now."""
        # Different beginnings, so that nobody waits for another one's prefix.
        prompt = [1 + hash_of % 28 for hash_of in range(len(self.times), prompt_length + 99)]
        ctx = make_context(prompt[:prompt_length], prompt_length + new_tokens, name)
        self.scheduler.add(ctx)
        self.times[ctx.request_id] = []
        return ctx

    def step(self) -> Batch:
        """Runs a step; the clock goes on by what it takes."""
        batch = self.scheduler.schedule()
        assert batch is not None
        seconds = self.machine(batch.shape)
        self.clock += seconds
        outputs = {ctx.request_id: self._sample(ctx) for ctx in batch.contexts}
        self._manager.step([batch.contexts])
        self.scheduler.finish_step(batch, outputs)
        self.scheduler.observe(batch, seconds)
        self.steps.append(batch)
        self.seconds.append(seconds)
        return batch

    def run(self) -> None:
        """Runs steps until all requests are done."""
        while self.scheduler.has_work:
            self.step()

    @property
    def gaps(self) -> list[float]:
        """Seconds between two tokens of an answer, of all answers, in order of size."""
        return sorted(b - a for times in self.times.values() for a, b in pairwise(times))

    @property
    def first_tokens(self) -> list[float]:
        """When each answer began, in order."""
        return sorted(times[0] for times in self.times.values())

    def _sample(self, ctx: TextContext) -> TextGenerationOutput:
        tokens = []
        if ctx.tokens.is_complete_after_step:
            tokens.append(1)
            ctx.update(1)
            self.times[ctx.request_id].append(self.clock)
        ctx.tokens.advance()
        status = ctx.status if tokens else GenerationStatus.ACTIVE
        return TextGenerationOutput(ctx.request_id, tokens, status)
