"""Answers in a form that was asked for, by the official client, from a server of the demo model."""

# build: size = "medium"

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import openai
import pytest
from pydantic import BaseModel

from integration.serve.conftest import SERVE_DEMO
from tests.serve.server_process import ServerProcess, ready

MODEL = "demo"
QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
        "kind": {"enum": ["apple", "pear"]},
    },
    "required": ["name", "count", "kind"],
    "additionalProperties": False,
}
FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "fruit", "schema": SCHEMA}}


@pytest.fixture(scope="module")
def structured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that takes such requests."""
    options = ["--enable-structured-output", "--max-batch-size", "8"]
    with ready([*SERVE_DEMO, *options], tmp_path_factory.mktemp("structured")) as server:
        yield server


@pytest.fixture(scope="module")
def client(structured: ServerProcess) -> Iterator[openai.OpenAI]:
    url = f"{structured.url}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, **fields: Any) -> Any:
    given: dict[str, Any] = {"temperature": 1.0, "seed": 1, "max_tokens": 200} | fields
    return client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], **given
    )


def text_of(client: openai.OpenAI, **fields: Any) -> str:
    choice = ask(client, **fields).choices[0]
    assert choice.finish_reason == "stop"
    return str(choice.message.content)


@pytest.mark.parametrize("temperature", [0, 1, 2])
def test_answers_fit_the_schema(client: openai.OpenAI, temperature: float) -> None:
    completion = ask(client, response_format=FORMAT, n=4, temperature=temperature)

    for choice in completion.choices:
        assert choice.finish_reason == "stop"
        jsonschema.validate(json.loads(choice.message.content), SCHEMA)


def test_streamed_answer_is_the_same(client: openai.OpenAI) -> None:
    chunks = list(ask(client, response_format=FORMAT, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == text_of(client, response_format=FORMAT)


def test_the_client_parses_what_it_asked_for(client: openai.OpenAI) -> None:
    class Fruit(BaseModel):
        count: int
        ripe: bool

    parsed = client.chat.completions.parse(
        model=MODEL,
        messages=[{"role": "user", "content": QUESTION}],
        response_format=Fruit,
        temperature=0,
        max_tokens=100,
    )

    assert isinstance(parsed.choices[0].message.parsed, Fruit)


def test_a_cut_answer_says_so(client: openai.OpenAI) -> None:
    (choice,) = ask(client, response_format=FORMAT, max_tokens=3).choices

    assert choice.finish_reason == "length"


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ({"guided_choice": ["yes", "no"]}, "yes|no"),
        ({"structured_outputs": {"choice": ["yes", "no"]}}, "yes|no"),
        ({"guided_regex": r"\d{3}-\d{2}"}, r"\d{3}-\d{2}"),
        ({"structured_outputs": {"regex": r"\d{3}-\d{2}"}}, r"\d{3}-\d{2}"),
        ({"guided_grammar": 'root ::= "n=" [0-9] [0-9]'}, r"n=\d\d"),
        ({"structured_outputs": {"grammar": 'start: "n=" /[0-9]{2}/'}}, r"n=\d\d"),
        ({"guided_json": {"enum": [1, 2]}}, "1|2"),
        ({"structured_outputs": {"json": '{"enum": [1, 2]}'}}, "1|2"),
        ({"structured_outputs": {"json": SCHEMA, "disable_any_whitespace": True}}, r"\{\S.*\}"),
    ],
)
def test_extensions(client: openai.OpenAI, form: dict[str, Any], pattern: str) -> None:
    assert re.fullmatch(pattern, text_of(client, extra_body=form))
    completion: Any = client.completions.create(
        model=MODEL, prompt="Tom has", max_tokens=100, seed=2, extra_body=form
    )
    assert re.fullmatch(pattern, completion.choices[0].text)


def test_structural_tags(client: openai.OpenAI) -> None:
    """The demo model writes a tag only if it is made to."""
    structure = {"begin": "<count>", "schema": {"type": "integer", "maximum": 9}, "end": "</count>"}
    tag = {"type": "structural_tag", "structures": [structure], "triggers": ["<count"]}

    free = text_of(client, extra_body={"response_format": tag}, temperature=0)

    assert free == text_of(client, temperature=0)


def test_every_stop_id_is_known(client: openai.OpenAI, structured: ServerProcess) -> None:
    """A token that is text, and part of what the schema demands, is made the end token."""
    quote = structured.client.post("/tokenize", json={"prompt": '"', "add_special_tokens": False})

    (choice,) = ask(
        client,
        extra_body={"guided_regex": "[a-z]{5}", "stop_token_ids": quote.json()["tokens"]},
    ).choices

    assert re.fullmatch("[a-z]{5}", choice.message.content)


def test_free_requests_beside_constrained_ones_answer_as_alone(client: openai.OpenAI) -> None:
    free = text_of(client, temperature=0)
    constrained = text_of(client, response_format=FORMAT, temperature=0)

    with ThreadPoolExecutor(8) as pool:
        forms = [None, FORMAT] * 4
        answers = [
            pool.submit(
                lambda form: text_of(
                    client, temperature=0, **({"response_format": form} if form else {})
                ),
                form,
            )
            for form in forms
        ]
    for form, answer in zip(forms, answers, strict=True):
        assert answer.result() == (constrained if form else free)


@pytest.mark.parametrize(
    ("fields", "param", "told"),
    [
        ({"guided_json": {"not": {}}}, "guided_json", '["not"]'),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"schema": {"type": "array"}},
                }
            },
            "response_format",
            "must be 'object'",
        ),
        ({"guided_json": "{"}, "guided_json", "not JSON"),
        ({"guided_regex": "(?=a)"}, "guided_regex", "look-around"),
        ({"guided_regex": "a", "guided_choice": ["b"]}, "guided_regex", "at most one"),
        ({"structured_outputs": {}}, "structured_outputs", "exactly one"),
        (
            {"structured_outputs": {"regex": "a", "choice": ["b"]}},
            "structured_outputs",
            "regex, choice",
        ),
        ({"guided_choice": ["a"], "min_tokens": 3}, "min_tokens", "a grammar decides"),
        ({"guided_choice": ["a"], "ignore_eos": True}, "ignore_eos", "end token"),
    ],
)
def test_what_cannot_be_done_is_told(
    structured: ServerProcess, fields: dict[str, Any], param: str, told: str
) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], **fields}
    response = structured.client.post("/v1/chat/completions", json=body)

    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["param"] == param
    assert told in error["message"]


def test_documented_errors(server: ServerProcess, structured: ServerProcess) -> None:
    body: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}
    body |= {"response_format": {"type": "json_schema", "json_schema": {"schema": {"not": {}}}}}
    off, on = (
        each.client.post("/v1/chat/completions", json=body).json()["error"]["message"]
        for each in (server, structured)
    )

    # Both in the words of MAX's documentation.
    assert off == (
        "response_format requires --enable-structured-output. Restart the server with"
        " --enable-structured-output to allow schema-constrained responses."
    )
    assert on.startswith("JSON schema cannot be compiled to valid grammar:")
    assert on.endswith("Recursive $ref schemas and other unsupported constructs are not allowed.")


def test_answers_survive_the_workers_death(
    structured: ServerProcess, client: openai.OpenAI
) -> None:
    """Another worker goes on inside the sentence, with the same tokens."""
    form = {"guided_regex": "[a-z ]{150,160}"}
    expected = text_of(client, extra_body=form)

    stream = iter(ask(client, extra_body=form, stream=True))
    text = "".join(next(stream).choices[0].delta.content or "" for _ in range(5))
    (worker,) = structured.workers()
    worker.kill()
    text += "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert text == expected
