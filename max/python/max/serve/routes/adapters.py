"""`POST /v1/load_lora_adapter` and `POST /v1/unload_lora_adapter`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from max.serve.routes.body import read_request
from max.serve.routes.json_answer import json_answer
from max.serve.schemas.adapters import AdapterChange, LoadAdapterRequest, UnloadAdapterRequest
from max.serve.state import state_of


async def load_lora_adapter(request: Request) -> Response:
    """Makes an adapter one that requests may name as their model."""
    body = await read_request(request, LoadAdapterRequest)
    await state_of(request).require_service().adapters.load(body.lora_name, body.lora_path)
    return json_answer(
        AdapterChange(message=f"LoRA adapter '{body.lora_name}' loaded successfully")
    )


async def unload_lora_adapter(request: Request) -> Response:
    """Takes an adapter away; requests that have it go on."""
    body = await read_request(request, UnloadAdapterRequest)
    state_of(request).require_service().adapters.unload(body.lora_name)
    return json_answer(
        AdapterChange(message=f"LoRA adapter '{body.lora_name}' unloaded successfully")
    )
