"""An answer that is one JSON object."""

from __future__ import annotations

import msgspec
from starlette.responses import Response


def json_answer(body: msgspec.Struct, status: int = 200) -> Response:
    """The response that holds `body`."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")
