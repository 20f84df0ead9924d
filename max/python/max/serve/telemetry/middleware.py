"""The outermost layer of the application: gives each request its id and follows it to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from max.serve.panics import as_error
from max.serve.telemetry.request_id import HEADER, accepted_request_id
from max.serve.telemetry.request_record import NO_ROUTE, RequestRecord, enter_request

logger = logging.getLogger(__name__)

TRACE_HEADERS = ("traceparent", "tracestate")


class RequestTelemetry:
    """Returns `x-request-id` with every answer and hands over a record of it when it has ended.

    Outside of Starlette's own error handling, so that answers to unexpected errors pass it too.
    """

    def __init__(self, app: ASGIApp, on_end: Callable[[RequestRecord], None]) -> None:
        self._app = app
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        record = RequestRecord(
            request_id=accepted_request_id(headers.get(HEADER)),
            method=scope["method"],
            trace_headers={name: headers[name] for name in TRACE_HEADERS if name in headers},
        )
        enter_request(record)
        id_header = (HEADER.encode(), record.request_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message = {**message, "headers": [*message["headers"], id_header]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            record.ended = time.monotonic()
            record.route = getattr(scope.get("route"), "path", NO_ROUTE)
            # Without an answer it was cut off by the end of the server.
            record.status = record.status or 500
            try:
                self._on_end(record)
            except BaseException as raised:
                # The answer has gone, and the connection may have further requests.
                logger.error(
                    "The end of the request %s is not recorded",
                    record.request_id,
                    exc_info=as_error(raised),
                )
