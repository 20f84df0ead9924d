"""`POST /v1/completions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.lib.token_pieces import TokenPieces
from max.serve.answering import Answer, answer
from max.serve.choice import TextDelta
from max.serve.contexts import completion_contexts, echoed_prompts
from max.serve.disconnect import until_disconnect
from max.serve.logprobs import completion_logprobs
from max.serve.routes.body import read_request
from max.serve.routes.identity import AnswerIdentity
from max.serve.schemas.completion import Completion, CompletionChoice, CompletionRequest
from max.serve.schemas.usage import Usage
from max.serve.state import state_of


async def completions(request: Request) -> Response:
    """Continues one or several prompts."""
    state = state_of(request)
    body = await read_request(request, CompletionRequest)
    service = state.require_service()
    service.check_name(body.model)
    contexts = await until_disconnect(request.receive, completion_contexts(service, body))
    echoes = await echoed_prompts(service, body, contexts)
    identity = AnswerIdentity.new("cmpl", body.model)
    body.prompt = []  # Millions of numbers, maybe, which the contexts have.
    formatter = CompletionFormatter(identity, service.token_pieces)
    return await answer(request, service, body, contexts, formatter, echoes)


class CompletionFormatter:
    """An answer in the form of completions."""

    def __init__(self, identity: AnswerIdentity, pieces: TokenPieces) -> None:
        self._identity = identity
        self._pieces = pieces

    def opening(self, index: int) -> None:
        return None

    def chunk(self, delta: TextDelta) -> Completion:
        logprobs = completion_logprobs(delta.scores, self._pieces)
        return self._completion(
            [CompletionChoice(delta.index, delta.text, delta.finish_reason, logprobs)]
        )

    def usage_chunk(self, usage: Usage) -> Completion:
        return self._completion([], usage)

    def choice(self, answer: Answer) -> CompletionChoice:
        return CompletionChoice(
            answer.choice.index,
            answer.text,
            answer.choice.finish_reason,
            completion_logprobs(answer.scores, self._pieces),
        )

    def whole(self, choices: Sequence[Raw], usage: Usage) -> Completion:
        # They are written as such.
        return self._completion(cast("list[CompletionChoice]", choices), usage)

    def _completion(
        self, choices: list[CompletionChoice], usage: Usage | None = None
    ) -> Completion:
        return Completion(
            id=self._identity.id,
            created=self._identity.created,
            model=self._identity.model,
            choices=choices,
            usage=usage,
        )
