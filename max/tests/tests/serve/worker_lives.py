"""One client and a succession of workers, in one process: real but for what lies between them.

The API process's `EngineClient` and the worker's `Engine`, scheduler and page bookkeeping are the
real ones; between them stands a channel that loses what a dying worker had not sent yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import tempfile
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from max.pipelines.context import EOSTracker, TextContext, TokenBuffer
from max.pipelines.modeling.types import TextGenerationInputs
from max.pipelines.scheduling import LaunchedStep
from max.serve.engine_client import EngineClient
from max.serve.errors import ApiError
from max.serve.generation import Generation
from max.serve.panics import as_error
from max.serve.worker.crash_record import CrashRecord, last_requests
from max.serve.worker.engine import Engine
from max.serve.worker_handle import take_all
from tests.serve.lossy_channel import Commands, Died, LossyChannel, Paused
from tests.serve.scripted_model import ScriptedPipeline, end_token, make_pipeline, scheduler_of

logger = logging.getLogger(__name__)

MAX_RESTARTS = 200


@dataclass
class MortalPipeline(ScriptedPipeline):
    """A scripted model whose death can be caught; `kills` holds steps at which it is killed."""

    kills: frozenset[int] = frozenset()
    num_steps: int = 0
    was_killed: bool = False

    def launch(
        self,
        inputs: TextGenerationInputs[TextContext],
        after: LaunchedStep | None = None,
        executor: Executor | None = None,
    ) -> LaunchedStep:
        self.num_steps += 1
        # A step of one request is spared: killed twice in such, a request counts as the cause.
        if self.num_steps in self.kills and len(inputs.flat_batch) > 1:
            self.was_killed = True
            raise Died
        return super().launch(inputs, after, executor)

    def die(self) -> None:
        raise Died


class World:
    """One client and a succession of workers, of one kind."""

    def __init__(
        self, model_folder: Path, kills: frozenset[int], seed: int, kind: type[Engine] = Engine
    ) -> None:
        self.kind = kind
        self.client = EngineClient()
        self.num_restarts = 0
        self._folder = model_folder
        self._kills = kills
        self._random = random.Random(seed)
        self._steps_before = 0

    async def run(self) -> None:
        """Runs workers until no request is left."""
        while self.client.num_running:
            with tempfile.TemporaryDirectory() as folder:
                await self._live(Path(folder))
            self.num_restarts += 1
            assert self.num_restarts < MAX_RESTARTS, "requests kill one worker after the other"

    async def _live(self, folder: Path) -> None:
        """One worker's life."""
        channel = LossyChannel()
        base = make_pipeline(self._folder)
        pipeline = MortalPipeline(
            base.tokenizer,
            base.pipeline_config,
            base.kv_manager,
            base.plan,
            kills=self._kills,
            num_steps=self._steps_before,
        )
        scheduler = scheduler_of(pipeline)
        box = CrashRecord(folder)
        engine = self.kind(pipeline, scheduler, channel, box)
        self.client.connect(Commands(channel), max_batch_size=64)
        try:
            while self.client.num_running:
                channel.looks_left = self._random.randint(1, 4)
                try:
                    _run(engine)
                except Paused:
                    await self._deliver(channel)
            channel.looks_left = 1
            try:
                _run(engine)
            except Paused:
                pipeline.kv_manager.check_integrity()
            assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages
        except Died as died:
            # What a worker had sent before it ended by an exception is not lost.
            lost = 0 if died.__cause__ else self._random.randint(0, len(channel.events))
            for _ in range(lost):
                channel.events.pop()
            with contextlib.suppress(Died):
                await self._deliver(channel)
            reason = "it was killed" if pipeline.was_killed else "it died of itself"
            self.client.disconnect(last_requests(folder), reason, killed=pipeline.was_killed)
        finally:
            self._steps_before = pipeline.num_steps
            box.close()

    async def _deliver(self, channel: LossyChannel) -> None:
        events = [channel.events.popleft() for _ in range(len(channel.events))]
        if take_all(events, self.client.handle) is not None:
            raise Died  # The handle of a process ends it.
        await asyncio.sleep(0)


def _run(engine: Engine) -> None:
    """Runs an engine as the worker process does: an exception ends it."""
    try:
        engine.run()
    except SystemExit:
        raise
    except BaseException as error:
        logger.error("The model worker ends", exc_info=as_error(error))
        raise Died from error


def make_context(tokenizer: Tokenizer, prompt: str) -> TextContext:
    tokens = list(tokenizer.encode(prompt).ids)
    return TextContext(
        tokens=TokenBuffer(tokens),
        max_length=len(tokens) + 40,
        eos_tracker=EOSTracker(eos_token_ids=frozenset({end_token(tokenizer)})),
    )


async def answer(client: EngineClient, context: TextContext) -> list[int] | ApiError:
    """The tokens that a client gets, or its error."""
    tokens: list[int] = []
    generation: Generation | None = None
    try:
        generation = await client.submit([context])
        while True:
            for delta in await generation.take():
                tokens += delta.tokens
                if delta.status.is_done:
                    return tokens
    except ApiError as error:
        return error
    finally:
        if generation is not None:
            generation.close()


def run_prompts(
    model_folder: Path,
    prompts: list[str],
    *,
    kills: frozenset[int] = frozenset(),
    seed: int = 0,
    kind: type[Engine] = Engine,
) -> list[list[int] | ApiError]:
    """What becomes of the prompts, which all come at once."""

    async def run() -> list[list[int] | ApiError]:
        world = World(model_folder, kills, seed, kind)
        tokenizer = make_pipeline(model_folder).tokenizer
        asking = [
            asyncio.create_task(answer(world.client, make_context(tokenizer, prompt)))
            for prompt in prompts
        ]
        await asyncio.sleep(0)
        await world.run()
        return await asyncio.gather(*asking)

    return asyncio.run(run())


def expected(model_folder: Path, prompt: str) -> list[int]:
    """An answer that nothing disturbs: the scripted model repeats the prompt, within 40 tokens."""
    (tokens,) = run_prompts(model_folder, [prompt])
    assert isinstance(tokens, list)
    return tokens
