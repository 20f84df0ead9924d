"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from max.serve.routes.json_answer import json_answer
from max.serve.schemas.models import ModelCard, ModelList
from max.serve.state import ModelService, state_of


async def list_models(request: Request) -> Response:
    """The models that requests may name: here it is one."""
    return json_answer(ModelList(data=[_card(state_of(request).require_service())]))


async def get_model(request: Request) -> Response:
    """One model; its name may contain slashes."""
    service = state_of(request).require_service()
    service.check_name(request.path_params["model"])
    return json_answer(_card(service))


def _card(service: ModelService) -> ModelCard:
    return ModelCard(
        id=service.name,
        created=service.created,
        owned_by="max",
        max_model_len=service.max_model_len,
    )
