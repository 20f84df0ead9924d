"""Tests of `max.serve.routes.completions` against a running server."""

# build: size = "medium"

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from max.pipelines.lib.tokenizer import TextTokenizer
from tests.serve.scripted_model import GREETING, MODEL_NAME
from tests.serve.server_process import ServerProcess


def post(server: ServerProcess, **fields: object) -> httpx.Response:
    body = {"model": MODEL_NAME} | fields
    return server.client.post("/v1/completions", json=body)


def complete(server: ServerProcess, **fields: object) -> dict[str, Any]:
    response = post(server, **fields)
    assert response.status_code == 200, response.text
    return dict(response.json())


def stream(server: ServerProcess, **fields: object) -> list[dict[str, Any]]:
    response = post(server, stream=True, **fields)
    assert response.status_code == 200, response.text
    *events, done = [line for line in response.text.split("\n") if line]
    assert done == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


def test_answer_has_openais_form(server: ServerProcess) -> None:
    answer = complete(server, prompt="greet")

    assert answer["object"] == "text_completion"
    assert answer["id"].startswith("cmpl-")
    assert answer["model"] == MODEL_NAME
    assert answer["choices"] == [
        {"index": 0, "text": GREETING, "finish_reason": "stop", "logprobs": None}
    ]
    # One token is one byte, and the end token counts.
    tokens = len(GREETING.encode()) + 1
    assert answer["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": tokens,
        "total_tokens": 5 + tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def test_streamed_text_is_the_same(server: ServerProcess) -> None:
    chunks = stream(server, prompt="greet")

    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == GREETING
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == (
        [None] * (len(chunks) - 1)
    )
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_streamed_usage_is_the_last_chunk(server: ServerProcess) -> None:
    chunks = stream(server, prompt="greet", stream_options={"include_usage": True})

    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == complete(server, prompt="greet")["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])


def test_several_prompts_with_several_choices(server: ServerProcess) -> None:
    answer = complete(server, prompt=["one", "seven"], n=2)

    assert [choice["text"] for choice in answer["choices"]] == ["one", "one", "seven", "seven"]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    # Prompts count once, answers each with their end token.
    assert answer["usage"]["prompt_tokens"] == 3 + 5
    assert answer["usage"]["completion_tokens"] == 2 * (3 + 1) + 2 * (5 + 1)


def test_streamed_choices_are_told_apart(server: ServerProcess) -> None:
    texts = {0: "", 1: "", 2: ""}
    for chunk in stream(server, prompt=["greet", "ab", "cd"]):
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["text"]

    assert texts == {0: GREETING, 1: "ab", 2: "cd"}


def test_token_ids_are_a_prompt(server: ServerProcess) -> None:
    assert complete(server, prompt=[[66, 67], [68]])["usage"]["prompt_tokens"] == 3


def test_empty_answer(server: ServerProcess) -> None:
    answer = complete(server, prompt="empty")

    assert answer["choices"][0]["text"] == ""
    assert answer["usage"]["completion_tokens"] == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_limit_ends_with_length(server: ServerProcess, streamed: bool) -> None:
    if streamed:
        chunks = stream(server, prompt="forever", max_tokens=5)
        text = "".join(chunk["choices"][0]["text"] for chunk in chunks)
        reason = chunks[-1]["choices"][0]["finish_reason"]
    else:
        (choice,) = complete(server, prompt="forever", max_tokens=5)["choices"]
        text, reason = choice["text"], choice["finish_reason"]

    assert (text, reason) == ("again", "length")


def test_stop_string_ends_answer_and_count(server: ServerProcess) -> None:
    answer = complete(server, prompt="forever", stop=["and a", "xyz"])

    assert answer["choices"][0]["text"] == "again "
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == len("again and a")


def test_stopped_request_ends_in_the_worker_too(server: ServerProcess) -> None:
    complete(server, prompt="forever", stop="again")

    assert complete(server, prompt="pages")["choices"][0]["text"] == "000"


def test_stop_token_is_not_part_of_the_text(
    server: ServerProcess, tokenizer: TextTokenizer
) -> None:
    (space,) = tokenizer.delegate.encode(" ")

    answer = complete(server, prompt="forever", stop_token_ids=[space])

    assert answer["choices"][0]["text"] == "again"
    assert answer["usage"]["completion_tokens"] == len("again ")


def test_ignored_end_token_does_not_end_the_answer(server: ServerProcess) -> None:
    answer = complete(server, prompt="ab", ignore_eos=True, max_tokens=10)

    assert answer["usage"]["completion_tokens"] == 10
    assert answer["choices"][0]["finish_reason"] == "length"


def test_many_requests_at_once_do_not_mix(server: ServerProcess) -> None:
    prompts = [f"request number {number} says {'x' * number}" for number in range(24)]
    with ThreadPoolExecutor(len(prompts)) as pool:
        answers = list(pool.map(lambda prompt: complete(server, prompt=prompt), prompts))

    assert [answer["choices"][0]["text"] for answer in answers] == prompts


def test_unknown_model(server: ServerProcess) -> None:
    response = post(server, prompt="x", model="other")

    assert response.status_code == 404
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert MODEL_NAME in error["message"]


def test_prompt_that_is_too_long(server: ServerProcess) -> None:
    response = post(server, prompt="x" * 200_000)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"


def test_body_over_the_limit(server: ServerProcess) -> None:
    assert post(server, prompt="x" * 1_000_000).status_code == 413
    assert complete(server, prompt="still there")["choices"][0]["text"] == "still there"
