"""Who a request comes from, and whether it may ask: `Authorization: Bearer KEY`."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv6Address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from max.serve.clients import MAX_NAME_LENGTH, Client, Keys
from max.serve.errors import error_response, forbidden, unauthorized
from max.serve.telemetry.request_record import current_record


class Identity:
    """Notes each request's client; answers 401 without a key where there are keys.

    Open paths need none, those of admins an admin's.

    Args:
        app: What comes behind it.
        keys: Of the server.
        client_header: Header that tells clients apart where there are no keys, instead of their
            addresses; a proxy in front sets it.
        open_paths: Paths that ask for no key.
        admin_paths: Paths that ask for an admin's key.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Keys,
        client_header: str | None,
        open_paths: Collection[str],
        admin_paths: Collection[str],
    ) -> None:
        self._app = app
        self._keys = keys
        self._client_header = client_header
        self._open_paths = open_paths
        self._admin_paths = admin_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._keys:
            authorization = headers.get("authorization")
            if authorization is None and (key := headers.get("x-api-key")) is not None:
                authorization = f"Bearer {key}"  # as Anthropic's clients send it
            client = self._keys.find(authorization)
            if client is None:
                answer = error_response(unauthorized(authorization is not None))
                await answer(scope, receive, send)
                return
            if scope["path"] in self._admin_paths and not client.is_admin:
                await error_response(forbidden(scope["path"]))(scope, receive, send)
                return
        else:
            client = Client(self._place_of(scope, headers))
        current_record().client = client
        await self._app(scope, receive, send)

    def _place_of(self, scope: Scope, headers: Headers) -> str:
        if self._client_header is not None:
            return headers.get(self._client_header, "")[:MAX_NAME_LENGTH]
        address = scope.get("client")
        return "" if address is None else neighbourhood(str(address[0]))


def neighbourhood(address: str) -> str:
    """The address of a client, of IPv6 the network of 64 bits: a machine has all of those in it."""
    if ":" not in address:
        return address
    found = IPv6Address(address.partition("%")[0])
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"
