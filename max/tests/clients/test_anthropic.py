"""Anthropic's client against a server, in the version that people install."""

# build: size = "medium"

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest

from clients.conversation import KEY, MODEL, QUESTIONS, is_answer

pytestmark = pytest.mark.clients


@pytest.fixture
def client(url: str) -> Iterator[anthropic.Anthropic]:
    base = url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=base, api_key=KEY, max_retries=0) as client:
        yield client


def test_an_answer_and_the_next_turn(client: anthropic.Anthropic) -> None:
    asked: anthropic.types.MessageParam = {"role": "user", "content": QUESTIONS[0][0]}
    first = client.messages.create(model=MODEL, max_tokens=200, messages=[asked])
    assert is_answer(first.content[0].text)
    second = client.messages.create(
        model=MODEL,
        max_tokens=200,
        messages=[
            asked,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": QUESTIONS[1][0]},
        ],
    )
    assert is_answer(second.content[0].text, 1)


def test_a_stream_is_the_answer(client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model=MODEL, max_tokens=200, messages=[{"role": "user", "content": QUESTIONS[0][0]}]
    ) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert is_answer(text)
    assert message.content[0].text == text
