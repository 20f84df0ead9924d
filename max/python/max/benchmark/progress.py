"""A progress bar with live counters."""

from __future__ import annotations

import asyncio
from time import perf_counter
from types import TracebackType
from typing import Self

from tqdm import tqdm

from max.benchmark.client.client import Client
from max.benchmark.client.exchange import Exchange

_REFRESH_S = 0.5


class Progress:
    """Shows, while it is entered, how many requests have ended, run and failed.

    The hot path does not know of it: it looks by itself, twice a second.
    """

    def __init__(self, client: Client, total: int, *, shown: bool) -> None:
        """Prepares the bar.

        Args:
            client: whose exchanges are watched.
            total: number of requests.
            shown: False keeps it invisible; it also is where there is no terminal.
        """
        self._client = client
        self._failed = 0
        self._ended_pieces = 0
        self._last = perf_counter(), 0
        tqdm.monitor_interval = 0  # no thread of its own beside the measurement
        self._bar = tqdm(
            total=total, unit="req", disable=None if shown else True, dynamic_ncols=True
        )
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if not self._bar.disable:
            self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        self._bar.close()

    def ended(self, exchange: Exchange) -> None:
        """Counts an exchange."""
        self._ended_pieces += len(exchange.pieces)
        self._failed += exchange.failure is not None or exchange.status != 200
        self._bar.update()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            running = self._client.in_flight
            pieces = self._ended_pieces + sum(len(exchange.pieces) for exchange in running)
            now, (then, before) = perf_counter(), self._last
            self._last = now, pieces
            rate = (pieces - before) / (now - then)
            counters = f"running={len(running)} failed={self._failed} chunks/s={rate:.0f}"
            self._bar.set_postfix_str(counters)
