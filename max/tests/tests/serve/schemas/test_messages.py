"""Tests of `max.serve.schemas.messages`."""

from __future__ import annotations

import json

from anthropic.types import Message

from max.serve.messages_to_chat import as_chat
from max.serve.schemas.messages import MessagesRequest
from max.serve.schemas.validation import parse_request

HELLO = {"role": "user", "content": "Hello"}


def test_dumps_of_the_official_client_are_read() -> None:
    answer = Message.model_validate(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": "5"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    )
    for dump in (answer.model_dump(), answer.model_dump(exclude_none=True)):
        messages = [HELLO, dump, HELLO]
        body = {"model": "m", "max_tokens": 3, "messages": messages, "container": None}
        request = parse_request(
            MessagesRequest, json.dumps(body).encode(), allow_extra_fields=False
        )
        assert [m.content for m in as_chat(request).messages] == ["Hello", "5", "Hello"]
