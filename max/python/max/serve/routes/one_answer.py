"""One answer, in a form of its own: as a stream of events, or as one body."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.parsing.events import Content, Event
from max.serve.answering import RunningAnswer, collected
from max.serve.disconnect import until_disconnect
from max.serve.routes.json_answer import json_answer
from max.serve.sse import EventStream


class AnswerForm(Protocol):
    """How an answer is written."""

    def events(self, running: RunningAnswer) -> AsyncGenerator[bytes, None]:
        """As the events of a stream."""

    def whole(self, found: Sequence[Event], running: RunningAnswer) -> msgspec.Struct:
        """As a body, when all of it has been found."""


async def one_answer(
    request: Request, running: RunningAnswer, form: AnswerForm, *, stream: bool | None
) -> Response:
    """The answer of a request that has one choice."""
    if stream:
        return EventStream(form.events(running), on_close=running.generation.close)
    try:
        (answer,) = await until_disconnect(request.receive, collected(running))
    finally:
        running.generation.close()
    found = [Content(answer.text)] if answer.events is None else answer.events
    return json_answer(form.whole(found, running))
