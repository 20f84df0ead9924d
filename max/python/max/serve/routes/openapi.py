"""`GET /openapi.json`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response


async def openapi_document(request: Request) -> Response:
    """The description of all endpoints of this server."""
    document = request.app.state.openapi_document()
    return Response(msgspec.json.encode(document), media_type="application/json")
