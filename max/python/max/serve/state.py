"""What the routes share: settings, the phase of the server, and the model once it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from max.pipelines.context import SamplingParams, TextContext
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.modeling.types import TextGenerationRequest
from max.serve.choice import Choice
from max.serve.config import ServerSettings
from max.serve.engine_client import EngineClient
from max.serve.errors import model_not_found, not_ready
from max.serve.model_source import ServingTokenizer


@dataclass(frozen=True, kw_only=True)
class ModelService:
    """A model that is ready to answer.

    Attributes:
        name: The name that requests use.
        created: When it became ready, in seconds since the epoch.
        tokenizer: Makes contexts from requests and text from tokens.
        engine: The way to the worker.
        max_model_len: Tokens that a request may have, prompt and answer.
        sampling_defaults: Arguments of `SamplingParams` for what a request leaves open.
    """

    name: str
    created: int
    tokenizer: ServingTokenizer
    engine: EngineClient
    max_model_len: int
    sampling_defaults: Mapping[str, Any] = field(default_factory=dict)

    def check_name(self, name: str) -> None:
        """Raises `ApiError` 404 for any name but ours."""
        if name != self.name:
            raise model_not_found(name, self.name)

    async def new_context(self, request: TextGenerationRequest) -> TextContext:
        """Tokenizes a request; see `ServingTokenizer.new_context` for the errors."""
        return await self.tokenizer.new_context(request)

    def new_choice(self, index: int, params: SamplingParams) -> Choice:
        """The decoder of one choice."""
        decoder = StreamDecoder(
            self.tokenizer, stop=params.stop or (), min_new_tokens=params.min_new_tokens
        )
        return Choice(index, decoder)


@dataclass(kw_only=True)
class ServerState:
    """Changes while the server starts and stops; `service` is there when the model is ready."""

    settings: ServerSettings
    allow_extra_fields: bool = False
    phase: str = "starting"
    service: ModelService | None = None

    def require_service(self) -> ModelService:
        """The model, or `ApiError` 503 with the phase."""
        if self.service is None:
            raise not_ready(self.phase)
        return self.service


def state_of(request: Request) -> ServerState:
    """The state of the application that got this request."""
    state = request.app.state.server
    assert isinstance(state, ServerState), "create_app puts it there"
    return state
