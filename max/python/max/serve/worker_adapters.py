"""Which LoRA adapters the worker has, and every worker after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Gauge

from max.pipelines.lora.errors import AdapterError
from max.serve.errors import ApiError
from max.serve.messages import (
    Adapter,
    AdapterLoaded,
    AdapterRefused,
    LoadAdapter,
    ToWorker,
    UnloadAdapter,
)
from max.serve.request_table import RequestTable

# Workers that may die while they have an adapter to load.
_MOST_DEATHS = 2


@dataclass
class _Load:
    """An adapter that a worker is to load.

    Attributes:
        adapter: Which.
        done: When it is.
        deaths: Of workers that were to.
    """

    adapter: Adapter
    done: asyncio.Future[None]
    deaths: int = 0

    def fail(self, error: Exception) -> None:
        self.done.set_exception(error)
        self.done.exception()  # Seen, also where nobody waits any more.


class WorkerAdapters:
    """Loads adapters; those that are unloaded go with the last request that needs them.

    Args:
        send: Sends a message to the worker, if there is one.
        requests: Those that are not done.
        gauge: Shows how many adapters there are.
    """

    def __init__(
        self, send: Callable[[ToWorker], None], requests: RequestTable, gauge: Gauge
    ) -> None:
        self._send = send
        self._requests = requests
        self._gauge = gauge
        self._loaded: dict[str, Adapter] = {}  # by digest
        self._leaving: set[str] = set()  # of these, those that only running requests need
        self._loads: dict[str, _Load] = {}
        self._closed: ApiError | None = None

    @property
    def loaded(self) -> list[Adapter]:
        """The adapters that the worker has, or the next one is to have."""
        return list(self._loaded.values())

    def may_have(self, digest: str) -> bool:
        """Whether further requests may have an adapter."""
        return digest in self._loaded and digest not in self._leaving

    def add(self, adapter: Adapter) -> None:
        """The worker has loaded an adapter."""
        self._loaded[adapter.digest] = adapter
        self._leaving.discard(adapter.digest)
        self._gauge.set(len(self._loaded))

    def remove(self, digest: str) -> None:
        """The worker has an adapter no more."""
        self._loaded.pop(digest, None)
        self._leaving.discard(digest)
        self._gauge.set(len(self._loaded))

    async def load(self, adapter: Adapter) -> None:
        """Lets the worker load an adapter, now or when there is one, and waits for it.

        Raises:
            AdapterError: The worker cannot use it.
            ApiError: There will be no worker any more.
        """
        if self._closed is not None:
            raise self._closed
        digest = adapter.digest
        if digest in self._loaded:
            self._leaving.discard(digest)
            return
        load = self._loads.get(digest)
        if load is None:
            load = _Load(adapter, asyncio.get_running_loop().create_future())
            self._loads[digest] = load
            self._send(LoadAdapter(adapter))
        await asyncio.shield(load.done)

    def unload(self, digest: str) -> None:
        """Lets no further request have an adapter; the worker forgets it when none has it."""
        self._leaving.add(digest)
        self.drop_unneeded()

    def drop_unneeded(self) -> None:
        """Adapters that were unloaded go; to be called when a request is done."""
        if self._leaving:
            needed = {request.submit.adapter for request in self._requests}
            for digest in self._leaving - needed:
                self.remove(digest)
                self._send(UnloadAdapter(digest))

    def take(self, answer: AdapterLoaded | AdapterRefused) -> None:
        """The worker has loaded an adapter, or cannot."""
        load = self._loads.pop(answer.digest, None)
        if load is None:
            return  # Nobody waits for it any more.
        if isinstance(answer, AdapterRefused):
            load.fail(AdapterError(answer.reason))
        else:
            self.add(load.adapter)
            load.done.set_result(None)

    def connect(self) -> None:
        """A worker is ready that has what is loaded: it is to load the rest."""
        for load in self._loads.values():
            self._send(LoadAdapter(load.adapter))

    def suspect(self, reason: str) -> None:
        """Refuses the adapters with which workers died: the next one would, too, and for ever."""
        for digest, load in list(self._loads.items()):
            load.deaths += 1
            if load.deaths >= _MOST_DEATHS:
                del self._loads[digest]
                load.fail(AdapterError(f"{reason}, {load.deaths} times while it was to be loaded"))

    def close(self, error: ApiError) -> None:
        """Ends what is being loaded with `error`, and what is still to come."""
        self._closed = error
        for load in self._loads.values():
            load.fail(error)
        self._loads.clear()
