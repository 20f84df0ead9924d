"""Uvicorn, with its clock and its signals put in our hands."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette

# After running requests were ended at the shutdown timeout, their answers need a moment to be sent.
CLOSING_TIME_S = 2


class HttpServer(uvicorn.Server):
    """Serves the application until `stop`; waits for that without a timer."""

    def __init__(self, app: Starlette, *, shutdown_timeout: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_graceful_shutdown=round(shutdown_timeout + CLOSING_TIME_S),
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

    def stop(self) -> None:
        """Stops listening and ends `serve` when running requests are answered.

        Called again, it does not wait for them.
        """
        self.force_exit = self.should_exit
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
