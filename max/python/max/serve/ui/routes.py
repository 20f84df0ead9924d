"""What the page asks besides the API: `GET /ui/features` and `GET /ui/engine`."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from max import __version__
from max.pipelines.modeling.types import PipelineTask
from max.serve.engine_watch import SeenStep
from max.serve.errors import forbidden, invalid_value
from max.serve.messages import Inspection
from max.serve.routes.json_answer import json_answer
from max.serve.schemas.engine_view import EngineView, Features, ShownStep
from max.serve.state import ServerState, state_of
from max.serve.telemetry.request_record import current_record
from max.serve.telemetry.worker_stats import EngineLoad

NOTHING = Inspection(EngineLoad(0, 0, 0, 0), [], 0, 1, b"")


async def features(request: Request) -> Response:
    """What the server and its model can do."""
    state = state_of(request)
    service = state.require_service()
    return json_answer(
        Features(
            version=__version__,
            model=service.name,
            generates_text=service.task is PipelineTask.TEXT_GENERATION,
            structured_output=service.enable_structured_output,
            reasoning=service.formats.reasoning is not None or service.formats.in_channels,
            tools=service.formats.tools is not None,
            sees_engine=_may_look(state),
            weighs_prompts=service.enable_echo,
            max_model_len=service.max_model_len,
            sampling_defaults=dict(service.sampling_defaults),
        )
    )


async def engine(request: Request) -> Response:
    """The engine at this moment, and its steps after the one that was seen last."""
    state = state_of(request)
    if not _may_look(state):
        raise forbidden(request.scope["path"])
    after = request.query_params.get("after", "0")
    if not (after.isdecimal() and len(after) < 16):
        raise invalid_value("it is the number of a step", "after")
    watch = state.require_service().engine.watch
    seen = await watch.look() or NOTHING
    now = time.monotonic()
    return json_answer(
        EngineView(
            phase=state.phase,
            restarts=state.restarts.total,
            running=seen.load.num_running,
            waiting=seen.load.num_queued,
            used_pages=seen.load.used_pages,
            total_pages=seen.load.total_pages,
            page_size=seen.page_size,
            pages_per_cell=seen.pages_per_cell,
            cells=seen.cells,
            requests=seen.requests,
            steps=[_shown(step, now) for step in watch.steps_after(int(after))],
        )
    )


ROUTES = (
    Route("/ui/features", features, methods=["GET"]),
    Route("/ui/engine", engine, methods=["GET"]),
)


def _may_look(state: ServerState) -> bool:
    """As for metrics: where no key is an admin's, each will do."""
    return current_record().client.is_admin or not state.keys.has_admins


def _shown(step: SeenStep, now: float) -> ShownStep:
    stats = step.stats
    return ShownStep(
        step.number,
        round(now - step.at, 3),
        stats.batch_size,
        stats.prompt_tokens,
        stats.output_tokens,
        round(stats.execution_s * 1000, 3),
        round(stats.creation_s * 1000, 3),
    )
