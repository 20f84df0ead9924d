"""`GET /health` and `GET /version`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from max.serve.state import state_of


async def health(request: Request) -> Response:
    """200 when requests are answered; before and after that 503 with the phase."""
    state = state_of(request)
    if state.service is None:
        return JSONResponse({"status": "unavailable", "phase": state.phase}, status_code=503)
    return JSONResponse({"status": "ok", "phase": state.phase})


async def version(request: Request) -> Response:
    """The version of this package."""
    from max import __version__

    return JSONResponse({"version": __version__})
