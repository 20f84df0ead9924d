"""From contexts to an HTTP answer, streamed or whole, in the form of one endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import StringIO
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
from max.serve.answer_size import HELD_BYTES_PER_SCORE, AnswerSize, num_scores
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

# Log probabilities, or 16 times as many characters: fewer are written in some milliseconds.
_LARGE = 4000
_CHARACTERS_PER_SCORE = 16
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
        events = _events(running, formatter, has_usage=body.includes_usage)
        return EventStream(events, on_close=running.generation.close)
    try:
        answers = await until_disconnect(request.receive, collected(running))
        work = sum(_work(running, len(each.text), len(each.scores)) for each in answers)
        data = await _beside(work, partial(_written, formatter, answers, running.usage()))
    finally:
        running.generation.close()
    return Response(data, media_type="application/json")


def _work(running: RunningAnswer, characters: int, tokens: int) -> int:
    """How much there is to write."""
    return num_scores(tokens, running.log_probabilities) + characters // _CHARACTERS_PER_SCORE


async def _beside(work: int, write: Callable[[], bytes]) -> bytes:
    """What it writes; much of it while others get their turn."""
    if work < _LARGE:
        return write()
    return await asyncio.get_running_loop().run_in_executor(_WRITING, write)


def _written(formatter: AnswerFormatter, answers: list[Answer], usage: Usage) -> bytes:
    """The body of an answer; choice by choice, as encoding holds the interpreter's lock.

    What is written is forgotten: an answer stands there once, as numbers or as text.
    """
    parts = []
    answers.reverse()
    while answers:
        parts.append(msgspec.Raw(msgspec.json.encode(formatter.choice(answers.pop()))))
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
    running: RunningAnswer, formatter: AnswerFormatter, *, has_usage: bool
) -> AsyncGenerator[bytes, None]:
    openings = [formatter.opening(choice.index) for choice in running.choices]
    if start := b"".join(event(opening) for opening in openings if opening is not None):
        yield start
    async for deltas in text_deltas(running.generation, running.choices):
        work = sum(_work(running, len(delta.text), len(delta.scores)) for delta in deltas)
        if data := await _beside(work, partial(_changes, formatter, deltas)):
            yield data
    if has_usage:
        yield event(formatter.usage_chunk(running.usage()))
    yield DONE


def _changes(formatter: AnswerFormatter, deltas: Sequence[TextDelta]) -> bytes:
    """The events of what choices gained."""
    return b"".join(
        event(formatter.chunk(delta))
        for delta in deltas
        if (delta.text if delta.events is None else delta.events)
        or delta.scores
        or delta.finish_reason
    )


async def collected(running: RunningAnswer) -> list[Answer]:
    """The choices with all of their texts.

    Raises:
        ApiError: The worker failed the request, or the answer is too large.
    """
    size = AnswerSize(running.limit, running.log_probabilities)
    texts = [StringIO() for _ in running.choices]
    answers = [
        Answer(choice, "", [], None if choice.reasoning_tokens is None else [])
        for choice in running.choices
    ]
    async for deltas in text_deltas(running.generation, running.choices):
        for delta in deltas:
            taken = answers[delta.index]
            size.add(len(delta.text), len(delta.scores))
            scores = num_scores(len(delta.scores), running.log_probabilities)
            running.generation.hold(len(delta.text) + scores * HELD_BYTES_PER_SCORE)
            texts[delta.index].write(delta.text)
            taken.scores += delta.scores
            if taken.events is not None:
                taken.events += delta.events or ()
    for taken, text in zip(answers, texts, strict=True):
        taken.text = text.getvalue()
    return answers


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
