"""The API process's hold on its worker process: start, events, death, stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence

import zmq

from max.serve.messages import (
    PROTOCOL_VERSION,
    Adapter,
    FromWorker,
    Load,
    Loading,
    Ready,
    StartFailed,
    Stop,
    ToWorker,
)
from max.serve.panics import as_error
from max.serve.transport import api_channel
from max.serve.worker.crash_record import last_requests, steps_begun
from max.serve.worker.interface import PipelineBuilder
from max.serve.worker_process import WorkerProcess

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 5.0
_AT_ONCE_S = 0.01


class WorkerStartError(Exception):
    """The worker did not become ready; the message is for the user."""


class WorkerHandle:
    """One worker process, until its end.

    Create and `stop` on the event loop's thread. Nothing is polled: events wake the loop through
    the channel's file descriptor, death through the process's sentinel, and `exited` tells it.
    """

    def __init__(
        self,
        on_event: Callable[[FromWorker], None],
        on_phase: Callable[[str], None],
        worker: WorkerProcess,
    ) -> None:
        self._on_event = on_event
        self._on_phase = on_phase
        self._loop = asyncio.get_running_loop()
        self._worker, self._process = worker, worker.process
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._channel = api_channel(self._context, worker.folder.endpoints)
        self.ended_because: str | None = None
        self._has_lost = False
        self.ready: asyncio.Future[Ready] = self._loop.create_future()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        self._rest: asyncio.Handle | None = None
        self._loop.add_reader(self._channel.fd, self._take_events)
        self._loop.add_reader(self._process.sentinel, self._note_exit)

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._process.pid

    def load(
        self,
        factory: PipelineBuilder,
        weights_bytes: int = 0,
        adapters: Sequence[Adapter] = (),
        *,
        counts_experts: bool = False,
    ) -> None:
        """Lets the worker build its pipeline; `ready` tells what becomes of it.

        Args:
            factory: A picklable function that builds the pipeline.
            weights_bytes: Memory that it will certainly need.
            adapters: What it loads beside the model.
            counts_experts: Whether it tells the tokens of each expert.
        """
        message = Load(pickle.dumps(factory), weights_bytes, list(adapters), counts_experts)
        self.send(message)

    def send(self, message: ToWorker) -> None:
        """Sends a command; it is lost when the worker has ended."""
        if not self.exited.done():
            self._channel.send(message)

    def last_requests(self) -> dict[str, int]:
        """What the worker was working on when it ended, see there; to be asked before `stop`."""
        return last_requests(self._worker.folder.path)

    def steps_begun(self) -> int:
        """Changes while the worker works, see there."""
        return steps_begun(self._worker.folder.path)

    def end(self, reason: str) -> None:
        """Ends a worker that does not work as it should; `exited` will tell."""
        if not self.exited.done():
            logger.error("The model worker is ended: %s", reason)
            self.ended_because = reason
            self._process.kill()

    async def ready_within(self, limit_s: float) -> Ready:
        """Waits until it is ready; ends it if that takes longer, for then it hangs.

        Args:
            limit_s: Seconds.

        Raises:
            WorkerStartError: It did not become ready.
        """
        reason = f"the model worker was not ready within {limit_s:g} s"
        timer = self._loop.call_later(limit_s, self.end, reason)
        try:
            return await self.ready
        finally:
            timer.cancel()

    async def stop(self) -> None:
        """Ends the process, gently if it is serving, and frees what belongs to it."""
        serving = self.ready.done()
        if not self.ready.cancel() and not self.ready.cancelled():
            self.ready.exception()  # Seen, so that asyncio does not report it again.
        if not self.exited.done():
            if serving:
                self.send(Stop())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(self.exited), STOP_TIMEOUT_S)
            if not self.exited.done():
                self._process.kill()
                await self.exited
        self._loop.remove_reader(self._channel.fd)
        if self._rest is not None:
            self._rest.cancel()
        self._channel.close()
        self._context.term()
        self._worker.end()

    def _take_events(self, within_s: float = _AT_ONCE_S) -> None:
        """Takes events; of what is lost with one, see `take_all`.

        Args:
            within_s: After so long, others get their turn before the rest.
        """
        if self._has_lost:
            return
        events = self._events_until(self._loop.time() + within_s)
        if (problem := take_all(events, self._take)) is not None:
            self._has_lost = True
            self.end(problem)

    def _events_until(self, until: float) -> Iterator[FromWorker]:
        """Those that are there; the channel's descriptor reports only what is new, so that the rest
        would wait for a further event."""
        for event in self._channel.drain():
            yield event
            if self._loop.time() > until:
                self._rest = self._loop.call_soon(self._take_events)
                return

    def _take(self, event: FromWorker) -> None:
        match event:
            case Loading(phase=phase):
                self._on_phase(phase)
            case Ready():
                self._note_ready(event)
            case StartFailed(report=report):
                self._fail_start(report)
            case _:
                self._on_event(event)

    def _note_ready(self, ready: Ready) -> None:
        if self.ready.done():
            return  # `stop` was called while the model was loading
        if ready.protocol_version == PROTOCOL_VERSION:
            self.ready.set_result(ready)
        else:
            self._fail_start(
                f"the worker speaks protocol {ready.protocol_version}, this process"
                f" {PROTOCOL_VERSION}: two versions of the package are mixed"
            )

    def _note_exit(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._take_events(math.inf)
        self._process.join()
        code = self._process.exitcode
        assert code is not None, "join returned"
        reason = self.ended_because or describe_exit(code)
        self._fail_start(f"While the model was loading, {reason}")
        self.exited.set_result(code)

    def _fail_start(self, report: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(WorkerStartError(report))


def take_all(events: Iterable[FromWorker], take: Callable[[FromWorker], object]) -> str | None:
    """Takes all events, up to one that is lost: to go on behind it would leave tokens out.

    Returns:
        Why the worker is to be ended, if it is: whoever waits for what was lost would wait for
        ever. The next one is asked again for all that was not taken.
    """
    try:
        for event in events:
            try:
                take(event)
            except BaseException as raised:
                error, name = as_error(raised), type(event).__name__
                logger.error("What the model worker sent is lost: %s", name, exc_info=error)
                return f"its {name} met {type(error).__name__}: {error}"
    except Exception as error:
        return f"the model worker sent what cannot be read: {error}"
    return None


def describe_exit(code: int) -> str:
    """What an exit code of the worker means, as half a sentence."""
    if code >= 0:
        return f"the model worker exited with code {code}"
    name = signal.Signals(-code).name
    cause = ", as the system does when memory runs out" if -code == signal.SIGKILL else ""
    return f"the model worker was ended by {name}{cause}"
