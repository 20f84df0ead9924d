"""`POST /v1/messages` and `/v1/messages/count_tokens`: Anthropic's form of a conversation."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.parsing.events import Arguments, CallBegins, Content, Event, Reasoning
from max.serve.answer_plan import AnswerPlan
from max.serve.answering import RunningAnswer, begin
from max.serve.choice import Choice, text_deltas
from max.serve.contexts import chat_contexts
from max.serve.disconnect import until_disconnect
from max.serve.messages_to_chat import as_chat
from max.serve.routes.body import beside, read_request
from max.serve.routes.identity import AnswerIdentity
from max.serve.routes.json_answer import json_answer
from max.serve.routes.one_answer import one_answer
from max.serve.schemas.messages import (
    AnswerContent,
    BlockDelta,
    BlockStart,
    BlockStop,
    CountTokensRequest,
    InputMore,
    Message,
    MessageDelta,
    MessagesRequest,
    MessageStart,
    MessageStop,
    MessageUsage,
    StopDelta,
    TextContent,
    TextMore,
    ThinkingContent,
    ThinkingMore,
    TokenCount,
    ToolUseContent,
)
from max.serve.schemas.usage import Usage
from max.serve.sse import named_event
from max.serve.state import state_of
from max.serve.tool_use import planned_chat

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


async def messages(request: Request) -> Response:
    """Answers a conversation."""
    body = await read_request(request, MessagesRequest)
    service = state_of(request).require_service()
    service.check_name(body.model)
    chat = await beside(request, partial(as_chat, body))
    contexts, plan = await until_disconnect(request.receive, planned_chat(service, chat))
    running = await begin(request, service, chat, contexts, plan=plan)
    form = MessageForm(AnswerIdentity.new("msg", body.model), plan, running.choices[0])
    return await one_answer(request, running, form, stream=body.stream)


async def count_tokens(request: Request) -> Response:
    """Counts the tokens of a conversation's prompt."""
    body = await read_request(request, CountTokensRequest)
    service = state_of(request).require_service()
    service.check_name(body.model)
    chat = await beside(request, partial(as_chat, body))
    (context,) = await until_disconnect(request.receive, chat_contexts(service, chat))
    return json_answer(TokenCount(context.tokens.prompt_length))


class MessageForm:
    """An answer in Anthropic's form: blocks of content, one after the other."""

    def __init__(self, identity: AnswerIdentity, plan: AnswerPlan, choice: Choice) -> None:
        self._identity = identity
        self._plan = plan
        self._choice = choice
        self._index = -1
        self._open: AnswerContent | None = None

    def whole(self, found: Sequence[Event], running: RunningAnswer) -> Message:
        """The body of an answer that is not streamed."""
        blocks: list[AnswerContent] = []
        inputs: list[str] = []
        for event in found:
            last = blocks[-1] if blocks else None
            match event:
                case Content(text) if isinstance(last, TextContent):
                    blocks[-1] = TextContent(last.text + text)
                case Reasoning(text) if isinstance(last, ThinkingContent):
                    blocks[-1] = ThinkingContent(last.thinking + text)
                case Arguments(text):
                    inputs[-1] += text
                case _:
                    blocks.append(self._block(event, is_whole=True))
                    inputs.append("")
        blocks = [
            msgspec.structs.replace(block, input=_input(text))
            if isinstance(block, ToolUseContent)
            else block
            for block, text in zip(blocks, inputs, strict=True)
        ]
        return self._message(blocks, self._stop(), running.usage())

    async def events(self, running: RunningAnswer) -> AsyncGenerator[bytes, None]:
        """The events of a stream."""
        yield named_event(MessageStart(self._message([], None, running.usage())))
        async for deltas in text_deltas(running.generation, running.choices):
            for delta in deltas:
                found = [Content(delta.text)] if delta.events is None else delta.events
                if data := b"".join(map(named_event, self._changes(found))):
                    yield data
        ending: list[msgspec.Struct] = [] if self._open is None else [BlockStop(self._index)]
        ending += [MessageDelta(self._stop(), _usage(running.usage())), MessageStop()]
        yield b"".join(map(named_event, ending))

    def _changes(self, events: Sequence[Event]) -> Iterator[msgspec.Struct]:
        for event in events:
            if isinstance(event, Content | Reasoning | Arguments) and not event.text:
                continue
            if not self._continues(event):
                if self._open is not None:
                    yield BlockStop(self._index)
                self._index += 1
                self._open = self._block(event, is_whole=False)
                yield BlockStart(self._index, self._open)
            match event:
                case Content(text):
                    yield BlockDelta(self._index, TextMore(text))
                case Reasoning(text):
                    yield BlockDelta(self._index, ThinkingMore(text))
                case Arguments(text):
                    yield BlockDelta(self._index, InputMore(text))

    def _continues(self, event: Event) -> bool:
        match event:
            case Content():
                return isinstance(self._open, TextContent)
            case Reasoning():
                return isinstance(self._open, ThinkingContent)
        return isinstance(event, Arguments)

    def _block(self, event: Event, *, is_whole: bool) -> AnswerContent:
        match event:
            case CallBegins(name, id):
                return ToolUseContent(id or self._plan.new_id(), name, {})
            case Reasoning(text):
                return ThinkingContent(text if is_whole else "")
        assert isinstance(event, Content), "arguments follow a call's beginning"
        return TextContent(event.text if is_whole else "")

    def _message(
        self, content: list[AnswerContent], stop: StopDelta | None, usage: Usage
    ) -> Message:
        return Message(
            id=self._identity.id,
            model=self._identity.model,
            content=content,
            stop_reason=None if stop is None else stop.stop_reason,
            stop_sequence=None if stop is None else stop.stop_sequence,
            usage=_usage(usage),
        )

    def _stop(self) -> StopDelta:
        if self._choice.stop_string is not None:
            return StopDelta("stop_sequence", self._choice.stop_string)
        reason = self._choice.finish_reason or "stop"
        if reason == "stop" and self._choice.num_calls:
            reason = "tool_calls"  # also where the request names the tool
        return StopDelta(_STOP_REASONS[reason], None)


def _usage(usage: Usage) -> MessageUsage:
    cached = usage.prompt_tokens_details.cached_tokens
    return MessageUsage(usage.prompt_tokens - cached, usage.completion_tokens, cached)


def _input(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}  # cut off by max_tokens, which the stop reason says, or of no use to anybody
