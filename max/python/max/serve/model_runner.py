"""Brings a model from its files to ready, and again when its worker dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeVar

from max.pipelines.lib.garbage_collection import no_collection_while_loading
from max.serve.engine_client import EngineClient
from max.serve.hang_watch import hang_limit, load_limit, until_hung
from max.serve.messages import Adapter, Ready
from max.serve.model_source import ModelParts, ModelSource, ServingTokenizer
from max.serve.panics import as_thread_error
from max.serve.state import ModelService, ServerState
from max.serve.telemetry.worker_stats import EngineLoad
from max.serve.thread_errors import watch_task
from max.serve.unavailable import worker_unstable
from max.serve.worker_handle import WorkerHandle, WorkerStartError, describe_exit
from max.serve.worker_process import WorkerProcess

logger = logging.getLogger(__name__)

# A worker that was running once and cannot be started again this often: something has changed.
MAX_START_ATTEMPTS = 3

T = TypeVar("T")


class ModelRunner:
    """Owns the worker and the client of it; keeps the server's state true.

    Args:
        source: The model.
        state: Of the server.
        process: The first worker's.
    """

    def __init__(self, source: ModelSource, state: ServerState, process: WorkerProcess) -> None:
        self._source = source
        self._state = state
        self._worker: WorkerHandle | None = None
        self._first_process = process
        settings = state.settings
        self._metrics = state.telemetry.metrics
        self.client = EngineClient(
            settings.max_queue_size, settings.request_timeout, self._metrics, state.leaving
        )

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id, while there is one."""
        return None if self._worker is None else self._worker.pid

    async def run(self, on_ready: Callable[[], None]) -> NoReturn:
        """Loads the model, calls `on_ready`, and from then on restarts the worker when it dies.

        Raises:
            WorkerStartError: The worker could not load the model, or not load it again.
            Exception: Whatever `ModelSource.retrieve` or `make_tokenizer` raised.
        """
        timeline = self._state.timeline
        with no_collection_while_loading():
            worker = self._watch(self._first_process)
            self._enter("download")
            parts = await in_daemon_thread(self._source.retrieve)
            self._enter("import")
            self._load(worker, parts, parts.adapters)
            # Of what both processes find wrong the tokenizer's error is told: it is the plainer.
            tokenizer = await in_daemon_thread(parts.make_tokenizer)
            ready = await worker.ready
        if ready.adapter_problems:
            raise WorkerStartError(_adapter_report(parts.adapters, ready.adapter_problems))
        timeline.finish(time.monotonic())
        self._metrics.model_ready(self._source.name, timeline.phases)
        service = self._state.service = self._service(parts, tokenizer, ready)
        for adapter in parts.adapters:
            self.client.adapters.add(adapter)
            service.adapters.add(adapter)
        self._use(worker, ready)
        on_ready()
        while True:
            watch = asyncio.create_task(self._end_when_hung(worker, ready))
            watch_task(watch, "The watch over the worker's progress")
            try:
                await self._note_death(worker)
            finally:
                watch.cancel()
            worker, ready = await self._restart(parts)
            service.adapters.lose(ready.adapter_problems)
            self.client.lose_adapters(ready.adapter_problems)
            self._use(worker, ready)
            logger.warning("The model worker runs again")

    async def stop(self) -> None:
        """Ends the worker, if there is one."""
        if self._worker is not None:
            await self._worker.stop()
            self._worker = None

    def _watch(self, process: WorkerProcess) -> WorkerHandle:
        self._worker = WorkerHandle(self.client.handle, self._enter, process)
        return self._worker

    def _load(self, worker: WorkerHandle, parts: ModelParts, adapters: Sequence[Adapter]) -> None:
        counts_experts = self._state.settings.metric_level == "DETAILED"
        worker.load(parts.factory, parts.weights_bytes, adapters, counts_experts=counts_experts)

    def _use(self, worker: WorkerHandle, ready: Ready) -> None:
        self._metrics.steps.observe_load(EngineLoad(0, 0, 0, ready.num_kv_pages))
        self.client.connect(worker, ready.max_batch_size)
        self._state.is_worker_up = True
        self._state.phase = "ready"

    async def _note_death(self, worker: WorkerHandle) -> None:
        """Waits until the worker is gone and keeps its requests for the next one."""
        code = await asyncio.shield(worker.exited)
        reason = worker.ended_because or describe_exit(code)
        self._state.is_worker_up = False
        self._state.phase = "restarting the worker"
        self._state.restarts.add(time.monotonic(), reason)
        killed = code == -signal.SIGKILL and worker.ended_because is None
        self.client.disconnect(worker.last_requests(), reason, killed=killed)
        logger.error("%s; %d requests wait for the next one", reason, self.client.num_running)
        await self.stop()

    async def _end_when_hung(self, worker: WorkerHandle, ready: Ready) -> None:
        """A step that never ends is a death that nobody has noticed."""
        limit = self._state.settings.worker_timeout or hang_limit(ready.slowest_step_s)
        await until_hung(
            self.client.requests.until_busy,
            lambda: (worker.steps_begun(), self.client.requests.times_idle),
            limit,
        )
        worker.end(f"the model worker made no progress for {limit:g} s")

    async def _restart(self, parts: ModelParts) -> tuple[WorkerHandle, Ready]:
        """Starts a worker again, after a pause if that was done often lately.

        Raises:
            WorkerStartError: It could not load the model in several attempts. Those in which it was
                killed from outside are not counted.
        """
        failed_attempts = 0
        limit = load_limit(self._state.timeline.total_s)
        while True:
            await asyncio.sleep(self._state.restarts.pause(time.monotonic()))
            self._metrics.worker_restarts.inc()
            self._metrics.steps.experts.forget_worker()
            process = WorkerProcess(self._source.preload, self._state.settings.logs)
            worker = self._watch(process)
            self._load(worker, parts, self.client.adapters.loaded)
            try:
                return worker, await worker.ready_within(limit)
            except WorkerStartError as error:
                logger.error("The model worker did not start again: %s", error)
                await self.stop()
                self._state.restarts.add(time.monotonic(), f"it did not start: {error}")
                was_killed = worker.exited.result() == -signal.SIGKILL
                failed_attempts += not was_killed or worker.ended_because is not None
                if failed_attempts == MAX_START_ATTEMPTS:
                    self.client.close(worker_unstable(str(error), seconds=1))
                    raise

    def _service(
        self, parts: ModelParts, tokenizer: ServingTokenizer, ready: Ready
    ) -> ModelService:
        return ModelService(
            name=self._source.name,
            created=int(time.time()),
            tokenizer=tokenizer,
            engine=self.client,
            max_model_len=ready.max_model_len,
            sampling_defaults=parts.sampling_defaults,
            enable_echo=self._source.enable_echo,
            formats=parts.make_formats(tokenizer),
            enable_structured_output=self._source.enable_structured_output,
            isolates_prefixes=self._state.settings.prefix_cache_isolation == "key",
            lora=self._source.lora,
            task=parts.task,
        )

    def _enter(self, phase: str) -> None:
        """A phase of a start begins; the timeline tells of the server's first start."""
        if self._state.service is None:
            self._state.timeline.enter(phase, time.monotonic())
            self._state.phase = phase
        else:
            self._state.phase = f"restarting the worker: {phase}"


def _adapter_report(adapters: Sequence[Adapter], problems: Mapping[str, str]) -> str:
    """Why the server does not start with these adapters."""
    return "; ".join(
        f"Invalid LoRA adapter at '{adapter.path}' ({adapter.name}): {problems[adapter.digest]}"
        for adapter in adapters
        if adapter.digest in problems
    )


async def in_daemon_thread(function: Callable[[], T]) -> T:
    """Runs a slow function without holding up the event loop, nor the end of the process."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result: T | None = None
        raised: Exception | None = None
        try:
            result = function()
        except BaseException as error:
            # Also sys.exit() of code that the model brings: else the loop would wait on.
            raised = as_thread_error(error)
        # A RuntimeError means that the loop is closed: nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, raised)

    threading.Thread(target=work, name="retrieve-model", daemon=True).start()
    return await outcome
