"""From contexts to an HTTP answer, streamed or whole, in the form of one endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import NamedTuple, Protocol

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.context import TextContext
from max.pipelines.modeling.types import RequestID
from max.pipelines.parsing.events import Event
from max.serve.answer_plan import ALL_CONTENT, AnswerPlan
from max.serve.answer_size import AnswerSize
from max.serve.choice import Choice, TextDelta, text_deltas
from max.serve.disconnect import until_disconnect
from max.serve.echo import EchoedPrompt
from max.serve.generation import Generation
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.sampling_fields import SamplingFields
from max.serve.schemas.usage import CompletionTokensDetails, PromptTokensDetails, Usage
from max.serve.scored_text import ScoredToken
from max.serve.sse import DONE, EventStream, event
from max.serve.state import ModelService, state_of
from max.serve.telemetry.request_record import Operation, current_record

# Characters and scored tokens: fewer are written in less time than a thread takes to be asked for.
_LARGE = 20_000
_WRITING = ThreadPoolExecutor(1, thread_name_prefix="write-answer")


@dataclass(slots=True)
class Answer:
    """A choice with all of its text, and the tokens of it if their scores were asked for.

    `events` as in `TextDelta`.
    """

    choice: Choice
    text: str
    scores: list[ScoredToken]
    events: list[Event] | None = None


class AnswerFormatter(Protocol):
    """How an endpoint renders an answer."""

    def opening(self, index: int) -> msgspec.Struct | None:
        """The chunk that a stream begins with for a choice, if there is one."""
        ...

    def chunk(self, delta: TextDelta) -> msgspec.Struct:
        """The chunk for text that a choice gained."""
        ...

    def usage_chunk(self, usage: Usage) -> msgspec.Struct:
        """The last chunk of a stream that was asked to include the usage."""
        ...

    def choice(self, answer: Answer) -> msgspec.Struct:
        """A choice of an answer that is not streamed."""
        ...

    def whole(self, choices: Sequence[msgspec.Raw], usage: Usage) -> msgspec.Struct:
        """The body of such an answer, of choices that are written."""
        ...


class RunningAnswer(NamedTuple):
    """An answer whose tokens come. Whoever holds it closes its `generation`.

    Attributes:
        generation: Where they come from.
        choices: What they become.
        usage: Counts them.
        limit: Bytes that an answer may have which is not streamed.
        log_probabilities: As the request has it.
    """

    generation: Generation
    choices: Sequence[Choice]
    usage: Callable[[], Usage]
    limit: int
    log_probabilities: int | None


async def answer(
    request: Request,
    service: ModelService,
    body: SamplingFields,
    contexts: Sequence[TextContext],
    formatter: AnswerFormatter,
    echoes: Sequence[EchoedPrompt] = (),
    plan: AnswerPlan = ALL_CONTENT,
) -> Response:
    """Runs the contexts and answers; arguments and errors as of `begin`.

    Args:
        request: Whose client waits.
        service: The model.
        body: What was asked.
        contexts: Of all choices.
        formatter: Of the endpoint.
        echoes: The prompts of all choices, if their texts shall begin with them.
        plan: How their texts are taken apart.
    """
    running = await begin(request, service, body, contexts, echoes, plan)
    if body.stream:
        usage = running.usage if body.includes_usage else None
        events = _events(running.generation, running.choices, formatter, usage)
        return EventStream(events, on_close=running.generation.close)
    try:
        answers = await until_disconnect(request.receive, collected(running))
    finally:
        running.generation.close()
    write = partial(_written, formatter, answers, running.usage())
    if sum(len(each.scores) + len(each.text) for each in answers) < _LARGE:
        data = write()
    else:
        data = await asyncio.get_running_loop().run_in_executor(_WRITING, write)
    return Response(data, media_type="application/json")


def _written(formatter: AnswerFormatter, answers: Sequence[Answer], usage: Usage) -> bytes:
    """The body of an answer; choice by choice, as encoding holds the interpreter's lock."""
    parts = [msgspec.Raw(msgspec.json.encode(formatter.choice(each))) for each in answers]
    return msgspec.json.encode(formatter.whole(parts, usage))


async def begin(
    request: Request,
    service: ModelService,
    body: SamplingFields,
    contexts: Sequence[TextContext],
    echoes: Sequence[EchoedPrompt] = (),
    plan: AnswerPlan = ALL_CONTENT,
) -> RunningAnswer:
    """Runs the contexts.

    Raises:
        ApiError: The worker refused or failed the request before the answer began; the answer
            would be too large.
    """
    is_chat = isinstance(body, ChatCompletionRequest)
    choices = [
        service.new_choice(
            index,
            context,
            echo,
            is_answered=body.completion_limit != 0,
            continues_text=not is_chat,
            plan=plan,
        )
        for index, (context, echo) in enumerate(zip_longest(contexts, echoes))
    ]
    limit = state_of(request).settings.max_answer_bytes
    certain = AnswerSize(limit, body.log_probabilities)
    for echo in echoes:
        certain.add(len(echo.text), echo.num_tokens)
    usage = partial(_usage, contexts, choices, body.n or 1)
    record = current_record()
    for index, context in enumerate(contexts):
        context.request_id = RequestID(record.engine_id(index))
    operation: Operation = "chat" if is_chat else "text_completion"
    record.submit(operation, body.model, contexts[0].sampling_params, choices, usage)
    generation = await until_disconnect(request.receive, service.engine.submit(contexts))
    return RunningAnswer(generation, choices, usage, limit, body.log_probabilities)


async def _events(
    generation: Generation,
    choices: Sequence[Choice],
    formatter: AnswerFormatter,
    usage: Callable[[], Usage] | None,
) -> AsyncGenerator[bytes, None]:
    openings = [formatter.opening(choice.index) for choice in choices]
    if start := b"".join(event(opening) for opening in openings if opening is not None):
        yield start
    async for deltas in text_deltas(generation, choices):
        if data := b"".join(
            event(formatter.chunk(delta))
            for delta in deltas
            if (delta.text if delta.events is None else delta.events)
            or delta.scores
            or delta.finish_reason
        ):
            yield data
    if usage is not None:
        yield event(formatter.usage_chunk(usage()))
    yield DONE


async def collected(running: RunningAnswer) -> list[Answer]:
    """The choices with all of their texts.

    Raises:
        ApiError: The worker failed the request, or the answer is too large.
    """
    choices = running.choices
    size = AnswerSize(running.limit, running.log_probabilities)
    gained: list[list[TextDelta]] = [[] for _ in choices]
    async for deltas in text_deltas(running.generation, choices):
        for delta in deltas:
            size.add(len(delta.text), len(delta.scores))
            gained[delta.index].append(delta)
    return [
        Answer(
            choice,
            "".join(delta.text for delta in deltas),
            [score for delta in deltas for score in delta.scores],
            None
            if choice.reasoning_tokens is None
            else [event for delta in deltas for event in delta.events or ()],
        )
        for choice, deltas in zip(choices, gained, strict=True)
    ]


def _usage(
    contexts: Sequence[TextContext], choices: Sequence[Choice], choices_per_prompt: int
) -> Usage:
    """Counts each prompt once, by its first choice: the choices of a prompt stand in a row."""
    prompt_tokens = sum(context.tokens.prompt_length for context in contexts[::choices_per_prompt])
    cached_tokens = sum(choice.cached_tokens for choice in choices[::choices_per_prompt])
    completion_tokens = sum(choice.num_tokens for choice in choices)
    return Usage(
        prompt_tokens,
        completion_tokens,
        prompt_tokens + completion_tokens,
        PromptTokensDetails(cached_tokens),
        UNSET
        if choices[0].reasoning_tokens is None
        else CompletionTokensDetails(sum(choice.reasoning_tokens or 0 for choice in choices)),
    )
