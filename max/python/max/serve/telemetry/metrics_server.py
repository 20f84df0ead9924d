"""`GET /metrics` on a port of its own, which need not be open to the users of the model."""

from __future__ import annotations

import asyncio
import logging
from socket import socket
from typing import Self

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from max.serve.clients import Keys
from max.serve.config import ServerSettings
from max.serve.connections import Connections
from max.serve.errors import ApiError, error_response, forbidden, unauthorized
from max.serve.http_server import HttpServer
from max.serve.listening import ListenError, open_socket, url_of

# Scrapers are few and send nothing.
MAX_CONNECTIONS = 64
MAX_BODY_BYTES = 1 << 20

logger = logging.getLogger(__name__)


class MetricsServer:
    """Serves a registry on the event loop; without requests it does nothing."""

    def __init__(
        self, registry: CollectorRegistry, listener: socket, keys: Keys | None = None
    ) -> None:
        async def metrics(request: Request) -> Response:
            if keys and (refusal := refusal_of(keys, request.headers.get("authorization"))):
                return error_response(refusal)
            encode, media_type = choose_encoder(request.headers.get("accept", ""))
            return Response(encode(registry), media_type=media_type)

        self.url = f"{url_of(listener)}/metrics"
        self._listener = listener
        self._http = HttpServer(
            Starlette(routes=[Route("/metrics", metrics)]),
            Connections(MAX_CONNECTIONS, MAX_BODY_BYTES),
        )
        self._serving = asyncio.create_task(self._http.serve(sockets=[listener]))

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


def refusal_of(keys: Keys, authorization: str | None) -> ApiError | None:
    """Why a request may not read the metrics, which tell of all clients, if it may not.

    Where no key is an admin's, each will do.
    """
    client = keys.find(authorization)
    if client is None:
        return unauthorized(authorization is not None)
    return None if client.is_admin or not keys.has_admins else forbidden("/metrics")
