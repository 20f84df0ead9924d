"""docs/http-api.md is true: its requests are answered, in the form that it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from max.serve.config import ServerSettings
from max.serve.endpoints import ENDPOINTS
from max.serve.http_protocol import ARRIVAL_TIMEOUT_S, MAX_HEAD_BYTES
from max.serve.openapi.document import path_of
from tests.serve.server_process import ServerProcess

# build: size = "medium"
# build: data = ["//docs"]
PAGE = Path(__file__).parents[4] / "docs" / "http-api.md"
URL = "http://127.0.0.1:8000"
_BLOCK = re.compile(r"```bash\ncurl (.*?)```\n(?:\n```json\n(.*?)```)?", re.DOTALL)
# The page shows some of their members.
OPEN_OBJECTS = frozenset({"startup"})
# Of models that embed texts, which the demo is not: docs/embed-texts.md shows it.
SHOWN_ELSEWHERE = frozenset({("POST", "/v1/embeddings")})


class Example(NamedTuple):
    """A request of the page and the answer that it shows, if it does."""

    method: str
    path: str
    body: str | None
    answer: str | None


def read_example(command: str, answer: str | None) -> Example:
    parser = {"-X": "", "-d": ""}
    words = iter(shlex.split(command))
    path = ""
    for word in words:
        if word in parser:
            parser[word] = next(words)
        else:
            path = word.removeprefix(URL)
    method = parser["-X"] or ("POST" if parser["-d"] else "GET")
    return Example(method, path, parser["-d"] or None, answer or None)


EXAMPLES = [
    read_example(command, answer) for command, answer in _BLOCK.findall(PAGE.read_text("utf-8"))
]


def shape(value: object) -> object:
    """What a JSON value looks like: the names in objects, the first item of lists, the types."""
    if isinstance(value, dict):
        return {
            name: None if name in OPEN_OBJECTS else shape(member) for name, member in value.items()
        }
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value)


def ask(server: ServerProcess, example: Example) -> httpx.Response:
    return server.client.request(example.method, example.path, content=example.body)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.method} {e.path}")
def test_example_is_answered_as_shown(server: ServerProcess, example: Example) -> None:
    response = ask(server, example)

    assert response.status_code == 200, response.text
    if example.answer is not None:
        assert shape(response.json()) == shape(json.loads(example.answer))


def test_every_endpoint_has_an_example_and_is_listed() -> None:
    asked = {(example.method, example.path.replace("/demo", "/{model}")) for example in EXAMPLES}

    described = {(endpoint.method, path_of(endpoint)) for endpoint in ENDPOINTS}
    assert asked == described - SHOWN_ELSEWHERE
    page = PAGE.read_text("utf-8")
    assert [path_of(e) for e in ENDPOINTS if f"{e.method} {path_of(e)}`" not in page] == []


def test_limits_are_those_of_the_code() -> None:
    page = PAGE.read_text("utf-8")
    mebibytes = ServerSettings().max_request_bytes // 2**20
    assert f"`--max-request-bytes`, {mebibytes} MiB" in page
    assert f"{MAX_HEAD_BYTES // 1024} KiB | 431" in page
    assert f"{ARRIVAL_TIMEOUT_S:g} s | 408" in page
