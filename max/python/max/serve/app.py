"""The ASGI application: routes and error handlers."""

from __future__ import annotations

from email.utils import formatdate

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from max.serve.disconnect import ClientDisconnected
from max.serve.errors import (
    ApiError,
    handle_api_error,
    handle_http_exception,
    handle_unexpected,
)
from max.serve.routes.chat import chat_completions
from max.serve.routes.completions import completions
from max.serve.routes.health import health, version
from max.serve.routes.models import get_model, list_models
from max.serve.state import ServerState

CLIENT_CLOSED_REQUEST = 499


def create_app(state: ServerState) -> Starlette:
    """The application; it answers 503 until `state.service` is set."""
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", chat_completions, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/v1/models", list_models, methods=["GET"]),
            Route("/v1/models/{model:path}", get_model, methods=["GET"]),
            Route("/health", health, methods=["GET"]),
            Route("/version", version, methods=["GET"]),
        ],
        middleware=[Middleware(DateHeader)],
        exception_handlers={
            ApiError: handle_api_error,
            ClientDisconnected: _answer_nobody,
            HTTPException: handle_http_exception,
            Exception: handle_unexpected,
        },
    )
    app.state.server = state
    return app


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
