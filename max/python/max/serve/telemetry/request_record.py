"""What is known about one HTTP request, from its arrival to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import uuid4

from max.serve.clients import Client
from max.serve.telemetry.request_id import accepted_request_id

if TYPE_CHECKING:
    from max.pipelines.context import SamplingParams
    from max.serve.schemas.usage import Usage

# Starlette names no route for requests that it answers with 404.
NO_ROUTE = "none"

NOBODY = Client()

Operation = Literal["chat", "text_completion", "embeddings"]


class ChoiceState(Protocol):
    """How far one choice of an answer has come."""

    @property
    def num_tokens(self) -> int: ...

    @property
    def finish_reason(self) -> str | None: ...


@dataclass(slots=True)
class RequestRecord:
    """Written to by whoever learns something; read when the request has ended.

    Times are `time.monotonic` seconds, None until they come.

    Attributes:
        request_id: The client's id of it, or ours.
        method: HTTP method.
        route: Path of the route, a pattern if it has parameters.
        trace_headers: The client's W3C trace context, if it sent one.
        status: HTTP status of the answer; 499 when the client went away during a stream.
        error_code: The `code` of the error that it was answered with.
        operation: What the model was asked to do, as OpenTelemetry's conventions call it.
        model: The model that the request named.
        sampling: How its first choice is sampled.
        choices: The answers, as they stand.
        usage: Counts its tokens so far; None if it had nothing to do for the model.
        client: Who asks.
        arrived: When its header was read.
        submitted: When its prompts were tokens and went to the worker.
        begun: When the first of its choices had its first step.
        first_token: When the first token came back.
        last_token: When the newest token came back.
        ended: When the answer was sent or given up.
        decoding_s: Seconds spent on turning its tokens into text.
    """

    request_id: str = field(default_factory=lambda: accepted_request_id(None))
    method: str = ""
    route: str = NO_ROUTE
    trace_headers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    error_code: str | None = None
    operation: Operation | None = None
    model: str | None = None
    sampling: SamplingParams | None = None
    choices: Sequence[ChoiceState] = ()
    usage: Callable[[], Usage] | None = None
    client: Client = NOBODY
    arrived: float = field(default_factory=time.monotonic)
    submitted: float | None = None
    begun: float | None = None
    first_token: float | None = None
    last_token: float | None = None
    ended: float | None = None
    decoding_s: float = 0.0
    _tag: str = field(default_factory=lambda: uuid4().hex[:8])

    def submit(
        self,
        operation: Operation,
        model: str,
        sampling: SamplingParams,
        choices: Sequence[ChoiceState],
        usage: Callable[[], Usage],
    ) -> None:
        """Its prompts are tokens now and go to the worker."""
        self.operation, self.model, self.sampling = operation, model, sampling
        self.choices, self.usage = choices, usage
        self.submitted = time.monotonic()

    @property
    def finish_reasons(self) -> list[str]:
        """Why the answers ended, without those that were given up."""
        return [choice.finish_reason for choice in self.choices if choice.finish_reason]

    def engine_id(self, index: int) -> str:
        """The worker's id of a choice; unique even when clients repeat theirs."""
        return f"{self.request_id}/{self._tag}.{index}"


_current: ContextVar[RequestRecord] = ContextVar("request_record")


def current_record() -> RequestRecord:
    """The record of the request that this task works for; outside of one, a record of nothing."""
    record = _current.get(None)
    return RequestRecord() if record is None else record


def current_request_id() -> str | None:
    """The id of the request that this task works for, if it does."""
    record = _current.get(None)
    return None if record is None else record.request_id


def enter_request(record: RequestRecord) -> None:
    """Makes it the current one for the rest of this task and the tasks that it starts."""
    _current.set(record)
