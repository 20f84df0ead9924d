"""No request makes the server open a file or a URL, run code, or use a template of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from max.serve.errors import ApiError
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.completion import CompletionRequest
from max.serve.schemas.tokenize import TokenizeChatRequest, TokenizePromptRequest
from max.serve.schemas.validation import RequestModel, parse_request

FILE = "file:///etc/passwd"
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
PARTS = [
    {"type": "image_url", "image_url": {"url": FILE}},
    {"type": "image_url", "image_url": "http://169.254.169.254/"},
    {"type": "input_image", "image_url": FILE},
    {"type": "file", "file": {"file_id": "/etc/passwd"}},
    {"type": "file", "file": {"file_data": FILE}},
    {"type": "input_audio", "input_audio": {"data": FILE, "format": "wav"}},
    {"type": "video_url", "video_url": {"url": FILE}},
    {"type": "text", "text": "x", "image_url": FILE},
]
FIELDS = {
    "chat_template": "{{ x }}",
    "trust_remote_code": True,
    "custom_architectures": ["x"],
    "model_path": "/",
    "lora_request": {"lora_local_path": "/"},
    "mm_processor_kwargs": {},
    "documents": [{"text": "x"}],
    "logits_processors": ["os.system"],
}


def refused(model: type[RequestModel], body: dict[str, Any]) -> str | None:
    """The parameter that the refusal names."""
    with pytest.raises(ApiError) as caught:
        parse_request(model, json.dumps(body).encode(), allow_extra_fields=False)
    assert caught.value.status == 400
    return caught.value.body.param


@pytest.mark.parametrize("model", [ChatCompletionRequest, TokenizeChatRequest])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: str(part["type"]))
def test_parts_that_are_not_text_are_refused(
    model: type[RequestModel], part: dict[str, Any]
) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}

    assert (refused(model, body) or "").startswith("messages[0].content")


@pytest.mark.parametrize("field", FIELDS)
def test_fields_of_other_servers_are_refused(field: str) -> None:
    value = {field: FIELDS[field]}

    assert refused(ChatCompletionRequest, CHAT | value) == field
    assert refused(CompletionRequest, {"model": "m", "prompt": "x"} | value) == field
    assert refused(TokenizeChatRequest, CHAT | value) == field
    assert refused(TokenizePromptRequest, {"prompt": "x"} | value) == field


def test_with_unknown_fields_allowed_they_are_dropped() -> None:
    raw = json.dumps(CHAT | FIELDS).encode()

    body = parse_request(ChatCompletionRequest, raw, allow_extra_fields=True)

    assert not set(FIELDS) & set(body.model_dump())
    assert body.model_extra is None
