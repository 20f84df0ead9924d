"""What a server of the demo model finds in its prefix cache, as its answers tell it."""

# build: size = "medium"

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from integration.serve.conftest import SERVE_DEMO
from tests.serve.server_process import ServerProcess, ready

PAGE_SIZE = 16

# Begins each test's prompts, so that no test finds what another one left.
_numbers = itertools.count(1000)


@pytest.fixture(scope="module")
def small_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose pages are so small that short prompts fill some."""
    command = [*SERVE_DEMO, "--kv-cache-page-size", str(PAGE_SIZE)]
    with ready(command, tmp_path_factory.mktemp("server")) as running:
        yield running


def question() -> str:
    return f"Tom has {next(_numbers)} apples and buys 5 more. How many apples does Tom have?"


def post(server: ServerProcess, path: str, **body: Any) -> dict[str, Any]:
    answer = server.client.post(path, json={"model": "demo", "temperature": 0, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def chat(server: ServerProcess, *texts: str, **body: Any) -> dict[str, Any]:
    """A conversation whose turns alternate."""
    roles = itertools.cycle(["user", "assistant"])
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return post(server, "/v1/chat/completions", messages=messages, **body)


def cached_tokens(answer: dict[str, Any]) -> int:
    return int(answer["usage"]["prompt_tokens_details"]["cached_tokens"])


def in_whole_pages(num_tokens: int) -> int:
    return num_tokens // PAGE_SIZE * PAGE_SIZE


def test_a_prompt_that_was_seen_is_found_but_for_less_than_a_page_and_its_end(
    small_pages: ServerProcess,
) -> None:
    asked = question()
    first, second = chat(small_pages, asked), chat(small_pages, asked)
    prompt = first["usage"]["prompt_tokens"]
    assert prompt > 2 * PAGE_SIZE
    assert cached_tokens(first) < PAGE_SIZE * 2  # What all questions begin with.
    # The last token is always computed: its logits are wanted.
    assert cached_tokens(second) == in_whole_pages(prompt - 1)
    assert second["choices"][0]["message"] == first["choices"][0]["message"]


def test_the_next_turn_finds_the_answer_s_tokens_too(small_pages: ServerProcess) -> None:
    asked = question()
    first = chat(small_pages, asked)
    usage = first["usage"]
    answer = first["choices"][0]["message"]["content"]
    second = chat(small_pages, asked, answer, "Thank you!")
    # The end token is generated, but nothing was computed from it.
    known = usage["prompt_tokens"] + usage["completion_tokens"] - 1
    assert in_whole_pages(known) > usage["prompt_tokens"]
    assert cached_tokens(second) == in_whole_pages(known)


def test_a_stream_tells_it_with_its_usage(small_pages: ServerProcess) -> None:
    asked = question()
    chat(small_pages, asked)
    body = {
        "model": "demo",
        "temperature": 0,
        "messages": [{"role": "user", "content": asked}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    text = small_pages.client.post("/v1/chat/completions", json=body).text
    chunks = [line.removeprefix("data: ") for line in text.splitlines() if line]
    usage = json.loads(chunks[-2])["usage"]
    assert chunks[-1] == "[DONE]"
    found = usage["prompt_tokens_details"]["cached_tokens"]
    assert found == in_whole_pages(usage["prompt_tokens"] - 1) > 0


def test_completions_tell_it_and_count_each_prompt_once(small_pages: ServerProcess) -> None:
    prompts = [question() * 2, question() * 2]
    fresh = post(small_pages, "/v1/completions", prompt=prompts, n=3, max_tokens=2)
    again = post(small_pages, "/v1/completions", prompt=prompts, n=3, max_tokens=2)
    alone = [
        post(small_pages, "/v1/completions", prompt=prompt, max_tokens=2) for prompt in prompts
    ]
    assert cached_tokens(fresh) < 2 * 2 * PAGE_SIZE
    assert cached_tokens(again) == sum(cached_tokens(answer) for answer in alone)
    assert cached_tokens(again) > cached_tokens(fresh)
    assert again["usage"]["prompt_tokens"] == fresh["usage"]["prompt_tokens"]


def test_salts_keep_caches_apart(small_pages: ServerProcess) -> None:
    asked = question()
    mine = [chat(small_pages, asked, cache_salt="mine") for _ in range(2)]
    other = chat(small_pages, asked, cache_salt="other")
    assert cached_tokens(mine[0]) == cached_tokens(other) == 0
    assert cached_tokens(mine[1]) > 0


def test_a_reset_forgets_everything(small_pages: ServerProcess) -> None:
    asked = question()
    chat(small_pages, asked)
    assert cached_tokens(chat(small_pages, asked)) > 0
    assert small_pages.client.post("/reset_prefix_cache").status_code == 200
    assert cached_tokens(chat(small_pages, asked)) == 0
    assert cached_tokens(chat(small_pages, asked)) > 0
