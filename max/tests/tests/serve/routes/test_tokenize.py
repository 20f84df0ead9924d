"""Tests of `POST /tokenize` and `POST /detokenize` against a running server."""

# build: size = "medium"

from __future__ import annotations

from typing import Any

import httpx
import pytest

from max.serve.errors import ApiError
from max.serve.routes.tokenize import check_count
from tests.serve.scripted_model import MAX_LENGTH, MODEL_NAME
from tests.serve.server_process import ServerProcess

MESSAGES = [{"role": "user", "content": "Hi"}]


def post(server: ServerProcess, path: str, body: object) -> httpx.Response:
    return server.client.post(path, json=body)


def tokenize(server: ServerProcess, **body: object) -> dict[str, Any]:
    response = post(server, "/tokenize", body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def text_of(server: ServerProcess, tokens: list[int]) -> str:
    return str(post(server, "/detokenize", {"tokens": tokens}).json()["prompt"])


def test_text_survives_both_ways(server: ServerProcess) -> None:
    answer = tokenize(server, prompt="Grüße, 世界 😀", model=MODEL_NAME)

    # The scripted model's tokens are bytes.
    assert answer["count"] == len(answer["tokens"]) == len("Grüße, 世界 😀".encode())
    assert answer["max_model_len"] == MAX_LENGTH
    assert answer["token_strs"] is None
    assert text_of(server, answer["tokens"]) == "Grüße, 世界 😀"


def test_token_strings_on_request(server: ServerProcess) -> None:
    assert tokenize(server, prompt="a b", return_token_strs=True)["token_strs"] == ["a", "Ġ", "b"]


def test_conversation_is_rendered(server: ServerProcess) -> None:
    tokens = tokenize(server, messages=MESSAGES)["tokens"]

    assert text_of(server, tokens) == "user: Hi\nassistant: "


@pytest.mark.parametrize(
    "options",
    [
        {"add_generation_prompt": False},
        {"chat_template_kwargs": {"add_generation_prompt": False}},
    ],
)
def test_conversation_without_the_beginning_of_an_answer(
    server: ServerProcess, options: dict[str, Any]
) -> None:
    tokens = tokenize(server, messages=MESSAGES, **options)["tokens"]

    assert text_of(server, tokens) == "user: Hi\n"


def test_nothing_has_no_tokens(server: ServerProcess) -> None:
    assert tokenize(server, prompt="")["tokens"] == []
    assert text_of(server, []) == ""


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": [1, 2]}, "prompt"),
        ("/tokenize", {"messages": []}, "messages"),
        ("/tokenize", {"prompt": "x", "messages": MESSAGES}, "prompt"),
        ("/tokenize", {"messages": MESSAGES, "chat_template": "x"}, "chat_template"),
        ("/detokenize", {"tokens": [-1]}, "tokens[0]"),
        ("/detokenize", {"tokens": [10**6]}, "tokens"),
        ("/detokenize", {"tokens": "x"}, "tokens"),
    ],
)
def test_what_cannot_be_done_is_told(
    server: ServerProcess, path: str, body: object, param: str
) -> None:
    response = post(server, path, body)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_tokens_are_bounded_as_texts_are() -> None:
    check_count(800, max_model_len=100)
    with pytest.raises(ApiError, match="801 tokens; at most 800"):
        check_count(801, max_model_len=100)


@pytest.mark.parametrize(
    ("path", "body"), [("/tokenize", {"prompt": "x"}), ("/detokenize", {"tokens": [1]})]
)
def test_other_models_are_not_found(
    server: ServerProcess, path: str, body: dict[str, object]
) -> None:
    assert post(server, path, {**body, "model": "other"}).status_code == 404
