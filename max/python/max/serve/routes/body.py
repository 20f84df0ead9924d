"""Reads a request's body within the size limit."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from max.serve.disconnect import ClientDisconnected
from max.serve.errors import body_too_large


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body; asked for again, the same bytes.

    Args:
        request: The request; nothing but this function reads its body.
        limit: Most bytes to take.

    Raises:
        ApiError: 413 when the body is larger, known from its header or found while reading.
        ClientDisconnected: The client went away before its end.
    """
    if hasattr(request.state, "body"):
        return bytes(request.state.body)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise body_too_large(limit)
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise body_too_large(limit)
    except ClientDisconnect as error:
        raise ClientDisconnected from error
    request.state.body = bytes(body)
    return bytes(request.state.body)
