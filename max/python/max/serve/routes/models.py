"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from max.serve.routes.json_answer import json_answer
from max.serve.schemas.models import ModelCard, ModelList
from max.serve.state import ModelService, state_of


async def list_models(request: Request) -> Response:
    """The models that requests may name: the served one, then its adapters."""
    service = state_of(request).require_service()
    names = [service.name, *service.adapters.names]
    return json_answer(ModelList(data=[_card(service, name) for name in names]))


async def get_model(request: Request) -> Response:
    """One model; its name may contain slashes."""
    service = state_of(request).require_service()
    name = request.path_params["model"]
    service.check_name(name)
    return json_answer(_card(service, name))


def _card(service: ModelService, name: str) -> ModelCard:
    served = service.adapters.find(name)
    return ModelCard(
        id=name,
        created=service.created if served is None else served.created,
        owned_by="max",
        max_model_len=service.max_model_len,
    )
