"""`GET /metrics`, in Prometheus's form: on a port of its own, and on the API's when asked for."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from max.serve.clients import Keys
from max.serve.errors import ApiError, error_response, forbidden, unauthorized

METRICS_PATH = "/metrics"


def metrics_route(registry: CollectorRegistry, keys: Keys | None) -> Route:
    """The route; with keys it asks for one."""

    async def metrics(request: Request) -> Response:
        if keys and (refusal := _refusal(keys, request.headers.get("authorization"))):
            return error_response(refusal)
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=media_type)

    return Route(METRICS_PATH, metrics)


def _refusal(keys: Keys, authorization: str | None) -> ApiError | None:
    """Why a request may not read the metrics, which tell of all clients, if it may not.

    Where no key is an admin's, each will do.
    """
    client = keys.find(authorization)
    if client is None:
        return unauthorized(authorization is not None)
    return None if client.is_admin or not keys.has_admins else forbidden(METRICS_PATH)
