"""The ASGI application: routes, what every request passes before them, and error handlers."""

from __future__ import annotations

import functools
from collections.abc import Sequence, Set
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from max import __version__
from max.serve.disconnect import CLIENT_CLOSED_REQUEST, ClientDisconnected
from max.serve.endpoints import endpoints_of
from max.serve.errors import (
    ApiError,
    handle_api_error,
    handle_http_exception,
    handle_unexpected,
)
from max.serve.middleware.identity import Identity
from max.serve.openapi.document import build_document
from max.serve.openapi.endpoint import Endpoint
from max.serve.panics import AnswersPanics
from max.serve.routes.metrics import METRICS_PATH, metrics_route
from max.serve.state import ServerState
from max.serve.ui.files import page_files
from max.serve.ui.routes import ROUTES as PAGE_ROUTES


def create_app(state: ServerState) -> Starlette:
    """The application; it answers 503 until `state.service` is set."""
    settings = state.settings
    endpoints = endpoints_of(settings.api_types)
    page = list(page_files()) if settings.serves_page else []
    app = Starlette(
        routes=[
            *(endpoint.route for endpoint in endpoints),
            *_metrics_routes(state),
            *(file.route for file in page),
            *(PAGE_ROUTES if page else ()),
        ],
        middleware=_middleware(state, endpoints, open_files={file.path for file in page}),
        exception_handlers={
            ApiError: handle_api_error,
            ClientDisconnected: _answer_nobody,
            HTTPException: handle_http_exception,
            Exception: handle_unexpected,
        },
    )
    # NoFinalSlash does it without a redirect, which request bodies do not survive.
    app.router.redirect_slashes = False
    app.state.server = state
    app.state.openapi_document = functools.cache(
        lambda: build_document(
            endpoints,
            version=__version__,
            needs_key=bool(state.keys),
            allow_extra_fields=state.allow_extra_fields,
            limits=settings.limits,
        )
    )
    return app


def _metrics_routes(state: ServerState) -> list[Route]:
    """What is asked for on this port too, in nobody's JSON and so in no document."""
    settings = state.settings
    if not settings.metrics_on_main_port or settings.metric_level == "NONE":
        return []
    keys = None if settings.open_metrics else state.keys
    return [metrics_route(state.telemetry.metrics.registry, keys)]


def _middleware(
    state: ServerState, endpoints: Sequence[Endpoint], open_files: Set[str]
) -> list[Middleware]:
    """Outermost first. A browser's preflight request has no key, so CORS comes before keys."""
    stack = [Middleware(NoFinalSlash), Middleware(DateHeader)]
    if state.settings.allowed_origins:
        stack.append(
            Middleware(
                CORSMiddleware,
                allow_origins=state.settings.allowed_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
                expose_headers=["x-request-id", "retry-after"],
            )
        )
    stack.append(
        Middleware(
            Identity,
            keys=state.keys,
            client_header=state.settings.client_header,
            # The route of metrics looks at keys by a rule of its own.
            open_paths={METRICS_PATH, *open_files, *(e.path for e in endpoints if e.is_open)},
            admin_paths={endpoint.path for endpoint in endpoints if endpoint.is_for_admins},
        )
    )
    stack.append(Middleware(AnswersPanics))
    return stack


class NoFinalSlash:
    """Takes `/v1/models/` for `/v1/models`, as clients that join URLs write it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path[:-1]}
        await self._app(scope, receive, send)


class DateHeader:
    """Adds the `date` header, which uvicorn would keep up to date with a timer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["date"] = formatdate(usegmt=True)
            await send(message)

        await self._app(scope, receive, send_with_date)


async def _answer_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)
