"""The application of a scripted model, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from max.serve.app import create_app
from max.serve.config import ServerSettings
from max.serve.engine_client import EngineClient
from max.serve.state import ModelService, ServerState
from max.serve.telemetry.middleware import RequestTelemetry
from tests.serve.scripted_model import MAX_LENGTH, MODEL_NAME, QuickTokenizer


def make_app(folder: Path, client: EngineClient) -> ASGIApp:
    """Of a server whose worker is there; `folder` is that of `write_model_folder`."""
    state = ServerState(settings=ServerSettings())
    state.service = ModelService(
        name=MODEL_NAME,
        created=0,
        tokenizer=QuickTokenizer(folder),
        engine=client,
        max_model_len=MAX_LENGTH,
    )
    state.is_worker_up = True
    return RequestTelemetry(create_app(state), state.telemetry.end_request)


async def complete(app: ASGIApp, prompt: str, request_id: str, **fields: Any) -> httpx.Response:
    """What `/v1/completions` answers; errors in its midst are errors of its stream."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    body = {"model": MODEL_NAME, "prompt": prompt, "max_tokens": 40, **fields}
    headers = {"x-request-id": request_id}
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        return await client.post("/v1/completions", json=body, headers=headers)


def assert_answered(response: httpx.Response, *, stream: bool) -> None:
    """With all of the text, or an error, be it in the middle of a stream."""
    if response.status_code == 200 and stream:
        assert response.text.endswith("data: [DONE]\n\n") or '"error":{' in response.text
    else:
        assert response.status_code in (200, 400, 500)
        assert response.json()
