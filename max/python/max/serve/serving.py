"""The API server: HTTP and model side by side."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from socket import socket

from max.serve.app import create_app
from max.serve.config import ServerSettings
from max.serve.connections import Connections, connections_within, raise_file_limit
from max.serve.http_server import HttpServer, on_signals
from max.serve.listening import open_socket, url_of
from max.serve.model_runner import ModelRunner
from max.serve.model_source import ModelSource
from max.serve.state import ServerState
from max.serve.telemetry.metrics_server import MetricsServer
from max.serve.telemetry.middleware import RequestTelemetry
from max.serve.telemetry.telemetry import Telemetry
from max.serve.thread_errors import watch_task
from max.serve.unavailable import shutting_down
from max.serve.worker_process import WorkerProcess

logger = logging.getLogger(__name__)


async def run_server(settings: ServerSettings, source: ModelSource, process: WorkerProcess) -> int:
    """Serves a model until CTRL+C or SIGTERM.

    Args:
        settings: Address, limits and logging of the server.
        source: The model.
        process: The worker's; whoever made it ends it if need be.

    Returns:
        The process's exit code: 0 after a signal.

    Raises:
        ListenError: The address cannot be had.
        WorkerStartError: The worker could not start, or not start again.
        Exception: What finding or reading the model's files raised, such as `ModelSourceError`.
    """
    return await _Serving(settings, source, process).run()


class _Serving:
    """One life of the server: HTTP and model side by side until one of them ends."""

    def __init__(
        self, settings: ServerSettings, source: ModelSource, process: WorkerProcess
    ) -> None:
        self._settings = settings
        self._telemetry = Telemetry(settings.otlp_endpoint)
        self._state = ServerState(
            settings=settings,
            allow_extra_fields=source.allow_extra_fields,
            telemetry=self._telemetry,
        )
        self._model = ModelRunner(source, self._state, process)
        self._draining: asyncio.Task[None] | None = None
        app = RequestTelemetry(create_app(self._state), self._telemetry.end_request)
        self._http = HttpServer(app, self._connection_limits())
        self._metrics: MetricsServer | None = None

    def _connection_limits(self) -> Connections:
        settings = self._settings
        most = connections_within(settings.max_connections, raise_file_limit())
        if most < settings.max_connections:
            logger.warning(
                "At most %d connections, not %d (--max-connections): the system allows this"
                " process no more open files (ulimit -Hn)",
                most,
                settings.max_connections,
            )
        most_body_bytes = max(settings.max_arriving_bytes, settings.max_request_bytes)
        return Connections(most, most_body_bytes, self._state.leaving)

    async def run(self) -> int:
        with on_signals(self._shut_down):
            try:
                asyncio.get_running_loop().add_signal_handler(
                    signal.SIGHUP, self._state.keys.reload
                )
                # After the handlers: who can connect can also send a signal.
                with open_socket(self._settings.host, self._settings.port) as listener:
                    self._metrics = self._start_metrics()
                    return await self._run_on(listener)
            finally:
                await self._model.stop()
                if self._metrics is not None:
                    await self._metrics.stop()
                self._telemetry.close()

    async def _run_on(self, listener: socket) -> int:
        serving = asyncio.create_task(self._http.serve(sockets=[listener]))
        running = asyncio.create_task(self._model.run(lambda: self._announce(listener)))
        try:
            await asyncio.wait({serving, running}, return_when=asyncio.FIRST_COMPLETED)
            self._http.stop()
            await serving
            if running.done():
                await running
            return 0
        finally:
            running.cancel()

    def _start_metrics(self) -> MetricsServer | None:
        metrics = self._telemetry.metrics
        if self._settings.metric_level == "DETAILED":
            metrics.add_process_metrics("maxserve_api", os.getpid)
            metrics.add_process_metrics("maxserve_worker", lambda: self._model.worker_pid or 0)
        return MetricsServer.start(metrics.registry, self._settings, self._state.keys)

    def _announce(self, listener: socket) -> None:
        """Tells people and programs that requests are answered now."""
        print(self._state.timeline, flush=True)
        if self._metrics is not None:
            print(f"Metrics on {self._metrics.url}", flush=True)
        if self._settings.serves_page:
            print(f"A page to talk to the model on {url_of(listener)}", flush=True)
        print(f"Server ready on {url_of(listener)} (Press CTRL+C to quit)", flush=True)

    def _shut_down(self) -> None:
        """The first signal lets running requests finish; the second one ends them.

        While they finish the socket stays open: /health says 503, so that nobody sends more.
        """
        if self._draining is not None:
            self._draining.cancel()
            self._end_requests()
            self._http.stop()
            return
        self._state.is_draining = True
        timeout = self._settings.shutdown_timeout
        if running := self._model.client.num_running:
            print(
                f"Finishing {running} running requests for up to {timeout:g} s"
                " (press CTRL+C again to stop at once)",
                flush=True,
            )
        self._draining = asyncio.create_task(self._drain(timeout))
        watch_task(self._draining, "The wait for running requests")

    async def _drain(self, timeout: float) -> None:
        """Ends the server when its requests are answered, or their time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        try:
            await asyncio.wait_for(self._model.client.requests.until_idle(), timeout)
        except TimeoutError:
            self._end_requests()
        finally:
            # Slow readers may take the rest of their answers until then.
            self._http.stop(within_s=max(0.0, deadline - loop.time()))

    def _end_requests(self) -> None:
        self._model.client.close(shutting_down())
