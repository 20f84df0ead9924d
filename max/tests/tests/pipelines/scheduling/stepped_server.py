"""A scheduler with a cache and a model without weights, stepped by hand."""

from __future__ import annotations

from max.pipelines.context import TextContext
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.modeling.types import TextGenerationInputs
from max.pipelines.scheduling import Batch, Scheduler, SchedulerConfig
from tests.pipelines.scheduling.fake_model import (
    FakePipeline,
    make_context,
    make_manager,
    solo_answer,
)

# The model ends no answer to this prompt, once or repeated, within the steps taken below.
PROMPT = [1, 2, 3, 4, 5]
assert len(solo_answer(PROMPT, 16)) == 11


class Server:
    """A scheduler with its cache and model, stepped by hand."""

    def __init__(
        self, manager: PagedKVCacheManager | None = None, *, batch: int = 4, budget: int = 64
    ) -> None:
        self.manager = manager or make_manager(64)
        self.config = SchedulerConfig(max_batch_size=batch, max_batch_input_tokens=budget)
        self.reconfigure(self.config)

    def reconfigure(self, config: SchedulerConfig) -> None:
        self.scheduler = Scheduler(config, self.manager)
        self.pipeline = FakePipeline(self.manager)

    def add(self, name: str, prompt: list[int] = PROMPT, max_length: int = 16) -> TextContext:
        ctx = make_context(prompt, max_length, name)
        self.scheduler.add(ctx)
        return ctx

    def step(self) -> dict[str, int]:
        """Runs a step; returns how many tokens it computed of each request."""
        batch = self.scheduler.schedule()
        assert batch is not None
        active = {str(ctx.request_id): ctx.tokens.active_length for ctx in batch.contexts}
        self.run(batch)
        return active

    def run(self, batch: Batch) -> None:
        outputs = self.pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
        self.scheduler.finish_step(batch, outputs)
        self.manager.check_integrity()
