"""Brings a model from its files to ready, and notices when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from max.serve.engine_client import EngineClient
from max.serve.errors import engine_failed
from max.serve.messages import FromWorker, Ready
from max.serve.model_source import ModelParts, ModelSource
from max.serve.state import ModelService, ServerState
from max.serve.worker_handle import WorkerHandle, describe_exit

T = TypeVar("T")


class WorkerDiedError(Exception):
    """The worker ended although nobody told it to."""


class ModelRunner:
    """Owns the worker and the client of it; keeps the server's state true."""

    def __init__(self, source: ModelSource, state: ServerState) -> None:
        self._source = source
        self._state = state
        self._worker = WorkerHandle(self._on_event, self._on_phase)
        self.client = EngineClient(self._worker)

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Loads the model, calls `on_ready`, and then lasts as long as the worker.

        Raises:
            WorkerStartError: The worker could not load the model.
            WorkerDiedError: The worker ended after it was ready.
            Exception: Whatever `ModelSource.retrieve` raised.
        """
        settings = self._state.settings
        self._worker.start(self._source.preload, settings.logs_console_level, settings.log_prefix)
        self._state.phase = "fetching the model"
        parts = await in_daemon_thread(self._source.retrieve)
        self._state.phase = "starting the worker"
        self._worker.load(parts.factory)
        ready = await self._worker.ready
        self._state.service = self._service(parts, ready)
        self._state.phase = "ready"
        on_ready()
        code = await asyncio.shield(self._worker.exited)
        self._state.service = None
        self._state.phase = describe_exit(code)
        self.client.close(engine_failed(describe_exit(code)))
        raise WorkerDiedError(describe_exit(code))

    async def stop(self) -> None:
        """Ends the worker."""
        await self._worker.stop()

    def _service(self, parts: ModelParts, ready: Ready) -> ModelService:
        return ModelService(
            name=self._source.name,
            created=int(time.time()),
            tokenizer=parts.tokenizer,
            engine=self.client,
            max_model_len=ready.max_model_len,
            sampling_defaults=parts.sampling_defaults,
        )

    def _on_event(self, event: FromWorker) -> None:
        self.client.handle(event)

    def _on_phase(self, phase: str) -> None:
        self._state.phase = phase


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
        except Exception as error:
            raised = error
        except SystemExit as error:
            # By code that the model brings; it would end this thread, and the loop would wait on.
            raised = RuntimeError(f"loading the model called sys.exit({error.code!r})")
        # A RuntimeError means that the loop is closed: nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, raised)

    threading.Thread(target=work, name="retrieve-model", daemon=True).start()
    return await outcome
