"""`Authorization: Bearer KEY`, or `x-api-key: KEY`, for servers that have keys."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from max.serve.errors import error_response, unauthorized


class ApiKeys:
    """Answers 401 to requests without one of the keys; open paths need none.

    All keys are compared, and digests in constant time: how long the answer takes tells nothing
    about a key, its length included.
    """

    def __init__(self, app: ASGIApp, *, keys: Iterable[str], open_paths: Collection[str]) -> None:
        self._app = app
        self._digests = [_digest(key) for key in keys]
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        authorization = headers.get("authorization")
        if authorization is None and (key := headers.get("x-api-key")) is not None:
            authorization = f"Bearer {key}"  # as Anthropic's clients send it
        if authorization is not None and self._knows(authorization):
            await self._app(scope, receive, send)
            return
        await error_response(unauthorized(authorization is not None))(scope, receive, send)

    def _knows(self, authorization: str) -> bool:
        scheme, _, credentials = authorization.partition(" ")
        given = _digest(credentials.strip())
        found = [hmac.compare_digest(given, digest) for digest in self._digests]
        return scheme.lower() == "bearer" and any(found)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
