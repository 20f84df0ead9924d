"""Uvicorn, with its clock and its signals put in our hands."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from max.serve.connections import Connections
from max.serve.http_protocol import HttpProtocol

# The last words of answers need a moment to be sent.
CLOSING_TIME_S = 2


class HttpServer(uvicorn.Server):
    """Serves the application until `stop`; waits for that without a timer."""

    def __init__(self, app: ASGIApp, limits: Connections) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=partial(HttpProtocol, limits=limits),  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
            )
        )
        self._stopping = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone; `on_signals` handles them."""
        yield

    def stop(self, within_s: float = 0.0) -> None:
        """Stops listening, and ends `serve` when all answers are sent.

        Called again, it does not wait for them.

        Args:
            within_s: Seconds that clients get to take their answers; a moment at least.
        """
        self.force_exit = self.should_exit
        self.config.timeout_graceful_shutdown = CLOSING_TIME_S + round(within_s)
        self.should_exit = True
        self._stopping.set()


@contextlib.contextmanager
def on_signals(action: Callable[[], None]) -> Iterator[None]:
    """Calls `action` for each CTRL+C and SIGTERM while the block runs."""
    loop = asyncio.get_running_loop()
    handled = (signal.SIGINT, signal.SIGTERM)
    for number in handled:
        loop.add_signal_handler(number, action)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
