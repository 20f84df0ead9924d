"""The API process's view of the worker: submit contexts, take tokens, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from max.pipelines.context import TextContext
from max.serve.context_codec import from_context
from max.serve.errors import ApiError, engine_failed, invalid_value
from max.serve.mailbox import ChoiceDelta, Mailbox
from max.serve.messages import (
    Admitted,
    Cancel,
    Failed,
    FromWorker,
    Refused,
    Submit,
    TokenDelta,
    Tokens,
    ToWorker,
)


class CommandSender(Protocol):
    """What the client needs to reach the worker; `transport.Channel` in production."""

    def send(self, message: ToWorker) -> None: ...


@dataclass(slots=True)
class _Running:
    """A request that is not done: all that is needed to run it again from where it stands."""

    submit: Submit
    mailbox: Mailbox
    index: int
    admitted: asyncio.Future[None]
    emitted: list[int] = field(default_factory=list)


class Generation:
    """The choices of one HTTP request while they run. Whoever holds it calls `close`."""

    def __init__(self, client: EngineClient, mailbox: Mailbox, request_ids: list[str]) -> None:
        self._client = client
        self._mailbox = mailbox
        self._request_ids = request_ids

    async def take(self) -> list[ChoiceDelta]:
        """Waits for tokens; see `Mailbox.take`."""
        return await self._mailbox.take()

    def cancel(self, index: int) -> None:
        """Ends one choice; nothing happens when it is done already."""
        self._client.cancel([self._request_ids[index]])

    def close(self) -> None:
        """Ends the choices that are not done."""
        self._client.cancel(self._request_ids)


class EngineClient:
    """Routes the worker's events to the requests that they belong to.

    Everything runs on one event loop; `handle` is called for each event.
    """

    def __init__(self, commands: CommandSender) -> None:
        self._commands = commands
        self._running: dict[str, _Running] = {}
        self._closed: ApiError | None = None

    @property
    def num_running(self) -> int:
        """Requests that are submitted and not done; each choice counts."""
        return len(self._running)

    async def submit(self, contexts: Sequence[TextContext]) -> Generation:
        """Hands requests to the worker and waits until its scheduler took them.

        Args:
            contexts: The choices of one HTTP request; deltas name them by position.

        Raises:
            ApiError: The worker refused one of them (then none runs), or this client is closed.
        """
        if self._closed is not None:
            raise self._closed
        mailbox = Mailbox()
        loop = asyncio.get_running_loop()
        requests = [
            _Running(from_context(context), mailbox, index, loop.create_future())
            for index, context in enumerate(contexts)
        ]
        request_ids = [request.submit.request_id for request in requests]
        try:
            for request in requests:
                self._running[request.submit.request_id] = request
                self._commands.send(request.submit)
            outcomes = await asyncio.gather(
                *(request.admitted for request in requests), return_exceptions=True
            )
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome
        except BaseException:
            self.cancel(request_ids)
            raise
        return Generation(self, mailbox, request_ids)

    def cancel(self, request_ids: Sequence[str]) -> None:
        """Ends requests; those that are done are left out."""
        running = [request_id for request_id in request_ids if self._running.pop(request_id, None)]
        if running:
            self._commands.send(Cancel(running))

    def handle(self, event: FromWorker) -> None:
        """Takes one event of a running worker; events of forgotten requests are dropped."""
        match event:
            case Tokens(deltas=deltas):
                for delta in deltas:
                    self._deliver(delta)
            case Admitted(request_ids=request_ids):
                for request_id in request_ids:
                    request = self._running.get(request_id)
                    if request is not None and not request.admitted.done():
                        request.admitted.set_result(None)
            case Refused(request_id=request_id, reason=reason):
                self._fail(request_id, invalid_value(reason, code="request_refused"))
            case Failed(request_ids=request_ids, reason=reason):
                for request_id in request_ids:
                    self._fail(request_id, engine_failed(reason))

    def close(self, error: ApiError) -> None:
        """Ends every request with `error`, and those that are still to come.

        For when the worker is gone or the server stops.
        """
        self._closed = error
        for request_id in list(self._running):
            self._fail(request_id, error)

    def _deliver(self, delta: TokenDelta) -> None:
        request = self._running.get(delta.request_id)
        if request is None:
            return
        request.emitted += delta.tokens
        if delta.status.is_done:
            del self._running[delta.request_id]
        request.mailbox.put(request.index, delta.tokens, delta.status)

    def _fail(self, request_id: str, error: ApiError) -> None:
        request = self._running.pop(request_id, None)
        if request is None:
            return
        if request.admitted.done():
            request.mailbox.fail(error)
        else:
            request.admitted.set_exception(error)
