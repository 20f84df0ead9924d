"""`POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.lib.token_pieces import TokenPieces
from max.serve.answering import Answer, answer
from max.serve.choice import TextDelta
from max.serve.contexts import chat_contexts
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
from max.serve.schemas.usage import Usage
from max.serve.state import state_of


async def chat_completions(request: Request) -> Response:
    """Answers a conversation."""
    state = state_of(request)
    body = await read_request(request, ChatCompletionRequest)
    service = state.require_service()
    service.check_name(body.model)
    contexts = await until_disconnect(request.receive, chat_contexts(service, body))
    identity = AnswerIdentity.new("chatcmpl", service.name)
    formatter = ChatFormatter(identity, service.token_pieces)
    return await answer(request, service, body, contexts, formatter)


class ChatFormatter:
    """An answer in the form of chat completions."""

    def __init__(self, identity: AnswerIdentity, pieces: TokenPieces) -> None:
        self._identity = identity
        self._pieces = pieces

    def opening(self, index: int) -> ChatCompletionChunk:
        return self._chunk([ChatChunkChoice(index, ChatDelta(role="assistant", content=""))])

    def chunk(self, delta: TextDelta) -> ChatCompletionChunk:
        gained = ChatDelta(content=delta.text or None)
        logprobs = chat_logprobs(delta.scores, self._pieces)
        return self._chunk([ChatChunkChoice(delta.index, gained, delta.finish_reason, logprobs)])

    def usage_chunk(self, usage: Usage) -> ChatCompletionChunk:
        return self._chunk([], usage)

    def whole(self, answers: Sequence[Answer], usage: Usage) -> ChatCompletion:
        return ChatCompletion(
            id=self._identity.id,
            created=self._identity.created,
            model=self._identity.model,
            choices=[
                ChatChoice(
                    answer.choice.index,
                    AnswerMessage(answer.text),
                    answer.choice.finish_reason,
                    chat_logprobs(answer.scores, self._pieces),
                )
                for answer in answers
            ],
            usage=usage,
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
