"""What the routes share: settings, the phase of the server, and the model once it is ready."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from starlette.requests import Request

from max.pipelines.config.lora_config import LoRAConfig
from max.pipelines.context import TextContext
from max.pipelines.lib.stream_decoder import StreamDecoder
from max.pipelines.lib.token_pieces import TokenPieces
from max.pipelines.modeling.types import PipelineTask, TextGenerationRequest
from max.pipelines.parsing.registry import AnswerFormats
from max.serve.adapters import AdapterDirectory
from max.serve.answer_plan import AnswerPlan
from max.serve.choice import Choice
from max.serve.clients import Keys
from max.serve.config import ServerSettings
from max.serve.echo import EchoedPrompt
from max.serve.engine_client import EngineClient
from max.serve.errors import model_not_found, wrong_task
from max.serve.leaving import LeavingBytes
from max.serve.model_source import ServingTokenizer
from max.serve.restarts import Restarts
from max.serve.stored_responses import StoredResponses
from max.serve.telemetry.request_record import current_record
from max.serve.telemetry.telemetry import Telemetry
from max.serve.timeline import StartupTimeline
from max.serve.unavailable import not_ready, shutting_down, worker_unstable


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
        lora: Whether it takes adapters.
        enable_echo: Whether completions may begin with their prompts.
        formats: How the model writes reasoning and tool calls.
        enable_structured_output: Whether requests may say what form their answers have.
        isolates_prefixes: Whether clients share no cached prefixes.
        task: What the model does.
    """

    name: str
    created: int
    tokenizer: ServingTokenizer
    engine: EngineClient
    max_model_len: int
    sampling_defaults: Mapping[str, Any] = field(default_factory=dict)
    enable_echo: bool = False
    enable_structured_output: bool = False
    formats: AnswerFormats = field(default_factory=AnswerFormats)
    isolates_prefixes: bool = False
    lora: LoRAConfig = field(default_factory=LoRAConfig)
    task: PipelineTask = PipelineTask.TEXT_GENERATION

    @cached_property
    def adapters(self) -> AdapterDirectory:
        """The LoRA adapters that requests may name instead of it."""
        return AdapterDirectory(self.name, self.engine, self.lora)

    @cached_property
    def token_pieces(self) -> TokenPieces:
        """What single tokens stand for."""
        return TokenPieces(self.tokenizer)

    def check_name(self, name: str | None) -> None:
        """Raises `ApiError` 404 for any name but ours and our adapters'; None is the model's."""
        if name not in (None, self.name) and self.adapters.find(name) is None:
            raise model_not_found(str(name), [self.name, *self.adapters.names])

    def require_task(self, task: PipelineTask) -> None:
        """Raises `ApiError` 400, which says what the model does, if that is another task."""
        if self.task is not task:
            raise wrong_task(self.name, self.task, task)

    async def new_context(self, request: TextGenerationRequest) -> TextContext:
        """Tokenizes a request; see `ServingTokenizer.new_context` for the errors."""
        served = self.adapters.find(request.model_name)
        context = await self.tokenizer.new_context(request)
        context.adapter = None if served is None else served.adapter.digest
        if self.isolates_prefixes:
            client = current_record().client
            # With its length, so that no name and salt together are another's.
            context.cache_salt = f"{len(client.name)} {client.name} {context.cache_salt or ''}"
        return context

    def new_choice(
        self,
        index: int,
        context: TextContext,
        echo: EchoedPrompt | None,
        *,
        is_answered: bool,
        continues_text: bool,
        plan: AnswerPlan,
    ) -> Choice:
        """The decoder of one choice; see `Choice` and `StreamDecoder` for the arguments."""
        params = context.sampling_params
        decoder = StreamDecoder(
            self.tokenizer,
            stop=params.stop or (),
            min_new_tokens=params.min_new_tokens,
            continues_text=continues_text,
            hidden_tokens=plan.hidden_tokens,
        )
        pieces = None if context.log_probabilities is None else self.token_pieces
        return Choice(index, decoder, pieces, echo, plan, is_answered=is_answered)


@dataclass(kw_only=True)
class ServerState:
    """Changes while the server starts and stops; `service` is there when the model is ready.

    Attributes:
        settings: Of the server.
        allow_extra_fields: Ignore unknown fields of requests.
        phase: What the server is doing, in a few words.
        service: The model; it stays while its worker is restarted.
        is_worker_up: Requests are run now. They wait while this is False and `service` is there.
        is_draining: No more requests are taken; the server ends after those that it has.
        timeline: How the start went.
        restarts: How often the worker died.
        telemetry: What becomes of requests that have ended, and the metrics.
        responses: Those that another request may go on from.
    """

    settings: ServerSettings
    allow_extra_fields: bool = False
    phase: str = "starting"
    service: ModelService | None = None
    is_worker_up: bool = False
    is_draining: bool = False
    timeline: StartupTimeline = field(default_factory=StartupTimeline)
    restarts: Restarts = field(default_factory=Restarts)
    telemetry: Telemetry = field(default_factory=Telemetry)
    responses: StoredResponses = field(default_factory=StoredResponses)

    @cached_property
    def leaving(self) -> LeavingBytes:
        """What answers take until they are sent."""
        settings = self.settings
        return LeavingBytes(max(settings.max_leaving_bytes, 2 * settings.max_answer_bytes))

    @cached_property
    def keys(self) -> Keys:
        """The API keys."""
        settings = self.settings
        return Keys(
            [key.get_secret_value() for key in settings.api_key],
            [key.get_secret_value() for key in settings.admin_api_key],
            settings.api_keys_file,
        )

    def require_service(self) -> ModelService:
        """The model, or `ApiError` 503 that says why it takes no requests."""
        if self.is_draining:
            raise shutting_down()
        if self.service is None:
            raise not_ready(self.phase)
        if not self.is_worker_up and (problem := self.problem()):
            seconds_left = self.restarts.seconds_left(time.monotonic())
            raise worker_unstable(problem, math.ceil(seconds_left))
        return self.service

    @property
    def is_healthy(self) -> bool:
        """Requests are taken. That a worker is being restarted delays them only."""
        return self.service is not None and not self.is_draining

    def problem(self) -> str | None:
        """Why the server is not to be relied on, though it is neither starting nor stopping."""
        return self.restarts.problem(time.monotonic())


def state_of(request: Request) -> ServerState:
    """The state of the application that got this request."""
    state = request.app.state.server
    assert isinstance(state, ServerState), "create_app puts it there"
    return state
