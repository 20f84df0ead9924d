"""`GET /health`, its other names, and `GET /version`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from max.serve.routes.json_answer import json_answer
from max.serve.schemas.server import Health, Version
from max.serve.state import state_of


async def health(request: Request) -> Response:
    """200 when requests are answered; else 503 with the phase and, if something is wrong, why."""
    state = state_of(request)
    reason = state.problem()
    body = Health(
        status="ok" if state.is_healthy and reason is None else "unavailable",
        phase="draining" if state.is_draining else state.phase,
        reason=reason,
        restarts=state.restarts.total,
        startup={phase.name: round(phase.seconds, 3) for phase in state.timeline.phases},
    )
    return json_answer(body, 200 if body.status == "ok" else 503)


async def version(request: Request) -> Response:
    """The version of this package."""
    from max import __version__

    return json_answer(Version(__version__))
