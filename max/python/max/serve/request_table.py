"""The requests that are not done, and whether further ones may join them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from max.serve.clients import Client
from max.serve.queue_shares import QueueShares
from max.serve.running_request import RunningRequest
from max.serve.throughput import CompletionRate
from max.serve.unavailable import queue_full


class RequestTable:
    """Requests by their ids, from their submission to their last token; each choice is one.

    Attributes:
        max_batch_size: Requests that the worker runs at once.
        times_idle: How often the last request was done.

    Args:
        max_queue_size: Requests that are taken beyond those that run at once.
    """

    def __init__(self, max_queue_size: int) -> None:
        self.max_batch_size = 1
        self.times_idle = 0
        self._max_queue_size = max_queue_size
        self._shares = QueueShares(max_queue_size)
        self._completions = CompletionRate()
        self._requests: dict[str, RunningRequest] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = asyncio.Event()

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[RunningRequest]:
        """Those of now: they may be removed meanwhile."""
        return iter(list(self._requests.values()))

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._requests

    def get(self, request_id: str) -> RunningRequest | None:
        """The request of that id, if it is not done."""
        return self._requests.get(request_id)

    async def until_idle(self) -> None:
        """Waits until every request is done."""
        await self._idle.wait()

    async def until_busy(self) -> None:
        """Waits until there is a request."""
        await self._busy.wait()

    def check_room(self, client: Client) -> None:
        """A request of many choices may overfill the queue: else some would never be taken.

        Raises:
            ApiError: The queue is full; says when to come again.
        """
        if self._shares.is_full_for(client, self.max_batch_size):
            waiting = max(0, len(self) - self.max_batch_size)
            seconds = self._completions.seconds_for(waiting + 1, time.monotonic())
            raise queue_full(len(self), self._max_queue_size, seconds)

    def add(self, client: Client, requests: Sequence[RunningRequest]) -> None:
        """The choices of one HTTP request, which share a mailbox, join."""
        for request in requests:
            self._requests[request.request_id] = request
        self._shares.add(client, id(requests[0].mailbox), len(requests))
        self._idle.clear()
        self._busy.set()

    def remove(self, request_id: str) -> RunningRequest | None:
        """Forgets a request and gives it, if it was not done."""
        request = self._requests.pop(request_id, None)
        if request is not None:
            self._shares.remove(request.submit.client, id(request.mailbox))
            if not self._requests:
                self._idle.set()
                self._busy.clear()
                self.times_idle += 1
        return request

    def note_completed(self, now: float) -> None:
        """A request has its last token."""
        self._completions.add(now)
