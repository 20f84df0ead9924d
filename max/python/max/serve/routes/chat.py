"""`POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from msgspec import UNSET, Raw
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.lib.token_pieces import TokenPieces
from max.pipelines.parsing.events import Arguments, CallBegins, Content, Event, Reasoning
from max.serve.answer_plan import AnswerPlan
from max.serve.answering import Answer, answer
from max.serve.choice import TextDelta
from max.serve.disconnect import until_disconnect
from max.serve.logprobs import chat_logprobs
from max.serve.routes.body import read_request
from max.serve.routes.identity import AnswerIdentity
from max.serve.schemas.chat import (
    AnswerMessage,
    ChatChoice,
    ChatChunkChoice,
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionRequest,
    ChatDelta,
)
from max.serve.schemas.tools import FunctionCall, ToolCall, ToolCallDelta
from max.serve.schemas.usage import Usage
from max.serve.state import state_of
from max.serve.tool_use import planned_chat


async def chat_completions(request: Request) -> Response:
    """Answers a conversation."""
    state = state_of(request)
    body = await read_request(request, ChatCompletionRequest)
    service = state.require_service()
    service.check_name(body.model)
    contexts, plan = await until_disconnect(request.receive, planned_chat(service, body))
    identity = AnswerIdentity.new("chatcmpl", body.model)
    formatter = ChatFormatter(identity, service.token_pieces, plan)
    return await answer(request, service, body, contexts, formatter, plan=plan)


class ChatFormatter:
    """An answer in the form of chat completions."""

    def __init__(self, identity: AnswerIdentity, pieces: TokenPieces, plan: AnswerPlan) -> None:
        self._identity = identity
        self._pieces = pieces
        self._plan = plan
        # The number of the last call of each choice.
        self._num_calls: dict[int, int] = {}

    def opening(self, index: int) -> ChatCompletionChunk:
        return self._chunk([ChatChunkChoice(index, ChatDelta(role="assistant", content=""))])

    def chunk(self, delta: TextDelta) -> ChatCompletionChunk:
        if delta.events is None:
            gained = ChatDelta(content=delta.text or None)
        else:
            gained = self._found(delta.index, delta.events)
        logprobs = chat_logprobs(delta.scores, self._pieces)
        return self._chunk([ChatChunkChoice(delta.index, gained, delta.finish_reason, logprobs)])

    def usage_chunk(self, usage: Usage) -> ChatCompletionChunk:
        return self._chunk([], usage)

    def choice(self, answer: Answer) -> ChatChoice:
        return ChatChoice(
            answer.choice.index,
            self._message(answer),
            answer.choice.finish_reason,
            chat_logprobs(answer.scores, self._pieces),
        )

    def whole(self, choices: Sequence[Raw], usage: Usage) -> ChatCompletion:
        return ChatCompletion(
            id=self._identity.id,
            created=self._identity.created,
            model=self._identity.model,
            choices=cast("list[ChatChoice]", choices),  # They are written as such.
            usage=usage,
        )

    def _message(self, answer: Answer) -> AnswerMessage:
        if answer.events is None:
            return AnswerMessage(answer.text)
        found = self._found(answer.choice.index, answer.events)
        thought = UNSET if found.reasoning is None else found.reasoning
        calls = [
            ToolCall(call.id, call.function)
            for call in found.tool_calls or ()
            if call.id is not None
        ]
        return AnswerMessage(
            found.content, reasoning=thought, reasoning_content=thought, tool_calls=calls or UNSET
        )

    def _found(self, index: int, events: Sequence[Event]) -> ChatDelta:
        """What was found in an answer, or in more of it."""
        content = "".join(event.text for event in events if isinstance(event, Content))
        thought = "".join(event.text for event in events if isinstance(event, Reasoning))
        calls: list[ToolCallDelta] = []
        for event in events:
            if isinstance(event, CallBegins):
                number = self._num_calls[index] = self._num_calls.get(index, -1) + 1
                id = event.id or self._plan.new_id()
                calls.append(ToolCallDelta(number, FunctionCall(event.name, ""), id, "function"))
            elif isinstance(event, Arguments):
                number = self._num_calls[index]
                if calls and calls[-1].index == number:
                    begun = calls.pop()
                    text = (begun.function.arguments or "") + event.text
                    function = replace(begun.function, arguments=text)
                    calls.append(replace(begun, function=function))
                else:
                    calls.append(ToolCallDelta(number, FunctionCall(arguments=event.text)))
        return ChatDelta(
            content=content or None,
            reasoning=thought or None,
            reasoning_content=thought or None,
            tool_calls=calls or None,
        )

    def _chunk(
        self, choices: list[ChatChunkChoice], usage: Usage | None = None
    ) -> ChatCompletionChunk:
        return ChatCompletionChunk(
            id=self._identity.id,
            created=self._identity.created,
            model=self._identity.model,
            choices=choices,
            usage=usage,
        )
