"""Server-sent events over ASGI, without a task or a model per token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from max.serve.disconnect import CLIENT_CLOSED_REQUEST, ClientDisconnected, until_disconnect
from max.serve.errors import ApiError, unexpected
from max.serve.panics import as_error
from max.serve.telemetry.request_record import current_record

DONE = b"data: [DONE]\n\n"
_encoder = msgspec.json.Encoder()


def event(payload: msgspec.Struct) -> bytes:
    """One event that holds `payload` as JSON."""
    return b"data: " + _encoder.encode(payload) + b"\n\n"


def named_event(payload: msgspec.Struct) -> bytes:
    """An event that is also called by its type, which it has as a field or as a tag."""
    name = getattr(payload, "type", None) or payload.__struct_config__.tag
    return f"event: {name}\n".encode() + event(payload)


class EventStream(Response):
    """Sends what an async generator yields, each item as one write.

    An error after the first byte can no longer change the status; it is sent as an event, as OpenAI
    does, and the stream ends without `[DONE]`. Others than `ApiError` go on to the server, which
    logs them. `on_close` is called however the stream ends,
    at once when the client goes away, and even if the generator was never entered.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], on_close: Callable[[], None]) -> None:
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._on_close = on_close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await until_disconnect(receive, self._send_events(send))
        except ClientDisconnected:
            current_record().status = CLIENT_CLOSED_REQUEST
        finally:
            self._on_close()

    async def _send_events(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        try:
            async with aclosing(self._events) as events:
                async for data in events:
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        except ApiError as error:
            await _end_with(send, error)
        except BaseException as raised:
            bug = as_error(raised)
            await _end_with(send, unexpected())
            raise bug from raised
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _end_with(send: Send, error: ApiError) -> None:
    current_record().error_code = error.body.code or error.body.type
    body = b"data: " + error.encode() + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": False})
