"""`POST /v1/responses`: OpenAI's newer form of a conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from typing import Any, cast
from uuid import uuid4

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.parsing.events import Arguments, CallBegins, Content, Event, Reasoning
from max.serve.answer_plan import AnswerPlan
from max.serve.answering import RunningAnswer, begin
from max.serve.choice import text_deltas
from max.serve.disconnect import until_disconnect
from max.serve.errors import invalid_value
from max.serve.responses_to_chat import as_chat, input_messages
from max.serve.routes.body import beside, read_request
from max.serve.routes.identity import AnswerIdentity
from max.serve.routes.one_answer import one_answer
from max.serve.schemas.responses import (
    IncompleteDetails,
    InputTokensDetails,
    OutputCall,
    OutputItem,
    OutputMessage,
    OutputReasoning,
    OutputText,
    OutputTokensDetails,
    ReasoningContent,
    ResponseEvent,
    ResponseObject,
    ResponsesRequest,
    ResponseUsage,
)
from max.serve.schemas.usage import Usage
from max.serve.sse import named_event
from max.serve.state import state_of
from max.serve.telemetry.request_record import current_record
from max.serve.tool_use import planned_chat

MOST_TOOL_BYTES = 2 * 1024 * 1024


async def responses(request: Request) -> Response:
    """Answers a conversation."""
    state = state_of(request)
    body = await read_request(request, ResponsesRequest)
    service = state.require_service()
    service.check_name(body.model)
    tools = await beside(request, partial(_written_tools, body))
    owner, last = current_record().client.key, body.previous_response_id
    before = state.responses.get(owner, last) if last else ()
    messages = [*before, *await beside(request, partial(input_messages, body))]
    chat = await beside(request, partial(as_chat, body, messages))
    contexts, plan = await until_disconnect(request.receive, planned_chat(service, chat))
    running = await begin(request, service, chat, contexts, plan=plan)
    identity = AnswerIdentity.new("resp", body.model)
    keep = partial(state.responses.put, owner, identity.id)
    form = ResponseForm(identity, body, plan, messages, keep, tools)
    return await one_answer(request, running, form, stream=body.stream)


class ResponseForm:
    """An answer as a list of items: thoughts, messages and calls, one after the other."""

    def __init__(
        self,
        identity: AnswerIdentity,
        body: ResponsesRequest,
        plan: AnswerPlan,
        messages: Sequence[dict[str, Any]],
        keep: Callable[[list[dict[str, Any]]], None],
        tools: msgspec.Raw,
    ) -> None:
        self._identity = identity
        self._body = body
        self._plan = plan
        self._messages = messages
        self._keep = keep
        self._tools = tools
        self._items: list[OutputItem] = []
        self._is_open = False
        self._num_events = 0

    async def events(self, running: RunningAnswer) -> AsyncGenerator[bytes, None]:
        """The events of a stream."""
        started = self._response("in_progress", None)
        kinds = ("response.created", "response.in_progress")
        for kind in kinds:
            yield self._encoded([self._event(kind, response=started)])
        async for deltas in text_deltas(running.generation, running.choices):
            for delta in deltas:
                found = [Content(delta.text)] if delta.events is None else delta.events
                if data := self._encoded(self.changes(found)):
                    yield data
        closing = list(self._close())
        response = self.finished(running)
        closing.append(self._event(f"response.{response.status}", response=response))
        yield self._encoded(closing)

    def whole(self, found: Sequence[Event], running: RunningAnswer) -> ResponseObject:
        """The body of an answer that is not streamed."""
        for _ in self.changes(found):
            pass
        return self.finished(running)

    def changes(self, events: Sequence[Event]) -> Iterator[ResponseEvent]:
        """Takes up what was found, and tells what that changes."""
        for event in events:
            if not isinstance(event, CallBegins) and not event.text:
                continue
            if not self._continues(event):
                yield from self._close()
                yield from self._open(event)
            if not isinstance(event, CallBegins):
                yield self._add(event)

    def finished(self, running: RunningAnswer) -> ResponseObject:
        """The response when all of it has come; it is kept for those that go on from it."""
        for _ in self._close():
            pass
        is_cut = running.choices[0].finish_reason == "length"
        response = self._response("incomplete" if is_cut else "completed", running.usage())
        if self._body.store is not False:
            self._keep([*self._messages, *self._answer_messages()])
        return response

    def _answer_messages(self) -> list[dict[str, Any]]:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        for item in self._items:
            match item:
                case OutputMessage():
                    message["content"] = (message["content"] or "") + item.content[0].text
                case OutputReasoning():
                    message["reasoning_content"] = item.content[0].text
                case OutputCall():
                    function = {"name": item.name, "arguments": item.arguments}
                    call = {"id": item.call_id, "type": "function", "function": function}
                    message["tool_calls"] = [*message.get("tool_calls", []), call]
        if message["content"] is None and "tool_calls" not in message:
            message["content"] = ""
        return [message]

    def _continues(self, event: Event) -> bool:
        last = self._items[-1] if self._is_open else None
        match event:
            case Content():
                return isinstance(last, OutputMessage)
            case Reasoning():
                return isinstance(last, OutputReasoning)
        return isinstance(event, Arguments)

    def _open(self, event: Event) -> Iterator[ResponseEvent]:
        self._is_open = True
        part: OutputText | ReasoningContent | None = None
        item: OutputItem
        match event:
            case CallBegins(name, id):
                call_id = id or self._plan.new_id()
                item = OutputCall(_new_id("fc"), call_id, name, "", "in_progress")
            case Reasoning():
                item, part = (
                    OutputReasoning(_new_id("rs"), [], [], "in_progress"),
                    ReasoningContent(""),
                )
            case _:
                item, part = OutputMessage(_new_id("msg"), [], "in_progress"), OutputText("")
        self._items.append(item)
        index = len(self._items) - 1
        yield self._event("response.output_item.added", output_index=index, item=item)
        if part is not None:
            self._items[-1] = replace(item, content=[part])
            yield self._event(
                "response.content_part.added",
                item_id=item.id,
                output_index=index,
                content_index=0,
                part=part,
            )

    def _add(self, event: Content | Reasoning | Arguments) -> ResponseEvent:
        item, kind = self._items[-1], "output_text"
        if isinstance(item, OutputCall):
            self._items[-1] = replace(item, arguments=item.arguments + event.text)
            return self._of_item("response.function_call_arguments.delta", delta=event.text)
        part = item.content[0]
        self._items[-1] = replace(item, content=[replace(part, text=part.text + event.text)])
        if isinstance(item, OutputReasoning):
            kind = "reasoning_text"
        more: dict[str, Any] = {"delta": event.text, "content_index": 0}
        if kind == "output_text":
            more["logprobs"] = []
        return self._of_item(f"response.{kind}.delta", **more)

    def _close(self) -> Iterator[ResponseEvent]:
        if not self._is_open:
            return
        self._is_open = False
        item = self._items[-1] = replace(self._items[-1], status="completed")
        if isinstance(item, OutputCall):
            yield self._of_item(
                "response.function_call_arguments.done", arguments=item.arguments, name=item.name
            )
        else:
            part = item.content[0]
            is_text = isinstance(item, OutputMessage)
            kind = "output_text" if is_text else "reasoning_text"
            more: dict[str, Any] = {"logprobs": []} if is_text else {}
            yield self._of_item(f"response.{kind}.done", text=part.text, content_index=0, **more)
            yield self._of_item("response.content_part.done", content_index=0, part=part)
        yield self._event("response.output_item.done", output_index=len(self._items) - 1, item=item)

    def _of_item(self, type: str, **fields: Any) -> ResponseEvent:
        """An event of the last item."""
        last = len(self._items) - 1
        return self._event(type, item_id=self._items[-1].id, output_index=last, **fields)

    def _event(self, type: str, **fields: Any) -> ResponseEvent:
        number, self._num_events = self._num_events, self._num_events + 1
        return ResponseEvent(type=type, sequence_number=number, **fields)

    def _encoded(self, events: Iterator[ResponseEvent] | list[ResponseEvent]) -> bytes:
        return b"".join(map(named_event, events))

    def _response(self, status: str, usage: Usage | None) -> ResponseObject:
        body = self._body
        choice = body.tool_choice or "auto"
        return ResponseObject(
            id=self._identity.id,
            created_at=self._identity.created,
            model=self._identity.model,
            status=status,
            output=list(self._items),
            instructions=body.instructions,
            previous_response_id=body.previous_response_id,
            tools=cast("list[dict[str, Any]]", self._tools),  # They are written as such.
            tool_choice=choice if isinstance(choice, str) else choice.model_dump(),
            parallel_tool_calls=body.parallel_tool_calls is not False,
            temperature=body.temperature,
            top_p=body.top_p,
            max_output_tokens=body.max_output_tokens,
            metadata=body.metadata or {},
            store=body.store is not False,
            incomplete_details=(
                IncompleteDetails("max_output_tokens") if status == "incomplete" else None
            ),
            usage=None if usage is None else _usage(usage),
        )


def _written_tools(body: ResponsesRequest) -> msgspec.Raw:
    """The tools as answers repeat them, a stream three times.

    Raises:
        ApiError: 400 when they are too large for that.
    """
    written = msgspec.json.encode([tool.model_dump() for tool in body.tools or ()])
    if len(written) > MOST_TOOL_BYTES:
        raise invalid_value(
            f"'tools' have {len(written)} bytes; at most {MOST_TOOL_BYTES} are taken here, as each"
            " answer repeats them",
            "tools",
        )
    return msgspec.Raw(written)


def _usage(usage: Usage) -> ResponseUsage:
    thought = usage.completion_tokens_details or None
    return ResponseUsage(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        InputTokensDetails(usage.prompt_tokens_details.cached_tokens),
        OutputTokensDetails(thought.reasoning_tokens if thought else 0),
    )


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex}"
