"""`GET /metrics` on a port of its own, which need not be open to the users of the model."""

from __future__ import annotations

import asyncio
import logging
from socket import socket
from typing import Self

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from max.serve.clients import Keys
from max.serve.config import ServerSettings
from max.serve.connections import Connections
from max.serve.http_server import HttpServer
from max.serve.listening import ListenError, open_socket, url_of
from max.serve.routes.metrics import METRICS_PATH, metrics_route
from max.serve.thread_errors import watch_task

# Scrapers are few and send nothing.
MAX_CONNECTIONS = 64
MAX_BODY_BYTES = 1 << 20

logger = logging.getLogger(__name__)


class MetricsServer:
    """Serves a registry on the event loop; without requests it does nothing."""

    def __init__(
        self, registry: CollectorRegistry, listener: socket, keys: Keys | None = None
    ) -> None:
        self.url = f"{url_of(listener)}{METRICS_PATH}"
        self._listener = listener
        self._http = HttpServer(
            Starlette(routes=[metrics_route(registry, keys)]),
            Connections(MAX_CONNECTIONS, MAX_BODY_BYTES),
        )
        self._serving = asyncio.create_task(self._http.serve(sockets=[listener]))
        watch_task(self._serving, "The endpoint of the metrics")

    @classmethod
    def start(
        cls, registry: CollectorRegistry, settings: ServerSettings, keys: Keys | None = None
    ) -> Self | None:
        """Starts serving, unless the settings turn metrics off.

        When the default port is taken, which is likely where two servers run, that is logged and
        there is no endpoint.

        Raises:
            ListenError: The port was asked for and cannot be had.
        """
        if settings.metric_level == "NONE":
            return None
        port = settings.metrics_endpoint_port
        try:
            listener = open_socket(settings.host, port, flag="--metrics-endpoint-port")
        except ListenError as error:
            if "metrics_endpoint_port" in settings.model_fields_set:
                raise
            logger.warning("There are no metrics: %s", error)
            return None
        return cls(registry, listener, None if settings.open_metrics else keys)

    async def stop(self) -> None:
        """Stops serving and closes the port."""
        self._http.stop()
        await self._serving
        self._listener.close()
