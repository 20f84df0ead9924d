"""Tests of `POST /v1/chat/completions/render` against a running server."""

# build: size = "medium"

from __future__ import annotations

from typing import Any

from tests.serve.scripted_model import GREETING, MAX_LENGTH, MODEL_NAME
from tests.serve.server_process import ServerProcess

PATH = "/v1/chat/completions/render"
REQUEST = {"model": MODEL_NAME, "messages": [{"role": "user", "content": "greet"}]}
PROMPT = "user: greet\nassistant: "


def render(server: ServerProcess, **fields: object) -> dict[str, Any]:
    response = server.client.post(PATH, json={**REQUEST, **fields})
    assert response.status_code == 200, response.text
    rendered: dict[str, Any] = response.json()
    return rendered


def test_prompt_is_shown_as_text_and_tokens(server: ServerProcess) -> None:
    rendered = render(server)

    assert rendered["prompt"] == PROMPT
    assert rendered["count"] == len(rendered["token_ids"]) == len(PROMPT)
    assert rendered["max_model_len"] == MAX_LENGTH


def test_tokens_are_those_that_a_completion_is_asked_with(server: ServerProcess) -> None:
    rendered = render(server)

    completion = {"model": MODEL_NAME, "prompt": rendered["token_ids"]}
    answer = server.client.post("/v1/completions", json=completion).json()
    assert answer["choices"][0]["text"] == GREETING


def test_sampling_is_shown_as_it_is_resolved(server: ServerProcess) -> None:
    sampling = render(
        server, top_p=0.9, max_tokens=7, stop="end", logit_bias={"5": 1}, stop_token_ids=[3]
    )["sampling_params"]

    # The scripted model recommends temperature 0.5.
    assert sampling == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": -1,
        "min_p": 0.0,
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
        "repetition_penalty": 1.0,
        "max_tokens": 7,
        "min_tokens": 0,
        "ignore_eos": False,
        "stop": ["end"],
        "stop_token_ids": [3],
        "logit_bias": {"5": 1.0},
        "seed": None,
    }


def test_answer_may_take_the_rest_of_the_context(server: ServerProcess) -> None:
    assert render(server)["sampling_params"]["max_tokens"] == MAX_LENGTH - len(PROMPT)


def test_seed_is_the_requests(server: ServerProcess) -> None:
    assert render(server, seed=7, n=3)["sampling_params"]["seed"] == 7


def test_what_a_completion_refuses_is_refused(server: ServerProcess) -> None:
    response = server.client.post(PATH, json={**REQUEST, "temperature": 9})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "temperature"
