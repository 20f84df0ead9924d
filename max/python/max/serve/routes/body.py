"""Reads a request's body within the limits of size and content."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from max.serve.disconnect import ClientDisconnected
from max.serve.errors import body_too_large, too_many_values
from max.serve.http_protocol import BODY_EXTENSION
from max.serve.json_values import has_at_most
from max.serve.schemas.validation import RequestModel, parse_request
from max.serve.state import state_of

# A smaller body is validated in less time than a thread takes to be asked for.
_LARGE = 64 * 1024
_PARSING = ThreadPoolExecutor(1, thread_name_prefix="parse-request")

T = TypeVar("T")
RequestT = TypeVar("RequestT", bound=RequestModel)


async def read_request(request: Request, model: type[RequestT]) -> RequestT:
    """The body as a valid request.

    Args:
        request: The request.
        model: What its body should be.

    Raises:
        ApiError: 413 and 400 as `read_body`; 400 that names the first offending field.
        ClientDisconnected: The client went away before its end.
    """
    body = await read_body(request)
    parse = partial(
        parse_request, model, body, allow_extra_fields=state_of(request).allow_extra_fields
    )
    try:
        return await beside(request, parse)
    finally:
        # A large one is not kept beside what it says.
        del request.state.body
        if arriving := request.scope.get("extensions", {}).get(BODY_EXTENSION):
            arriving["release"]()


async def beside(request: Request, work: Callable[[], T]) -> T:
    """Does what takes about as long as the request's body is large, while others get their turn.

    Args:
        request: The request, whose body was read.
        work: What is to be done: much of it Python's.
    """
    if not request.state.is_large:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_PARSING, work)


async def read_body(request: Request) -> bytes:
    """The whole body; asked for again before `read_request`, the same bytes.

    Args:
        request: The request; nothing but this function reads its body.

    Raises:
        ApiError: 413 when the body is larger than the server allows, known from its header or
            found while reading; 400 when it has more values.
        ClientDisconnected: The client went away before its end.
    """
    if hasattr(request.state, "body"):
        return bytes(request.state.body)
    settings = state_of(request).settings
    limit = settings.max_request_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise body_too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > limit:
                raise body_too_large(limit)
    except ClientDisconnect as error:
        raise ClientDisconnected from error
    body = b"".join(parts)
    parts.clear()
    request.state.is_large = size >= _LARGE
    if not await beside(request, partial(has_at_most, body, settings.max_request_values)):
        raise too_many_values(settings.max_request_values)
    request.state.body = body
    return body
