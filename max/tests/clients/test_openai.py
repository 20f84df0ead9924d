"""Every way in which the official client asks for a chat."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from clients.questions import ANSWER, MODEL, NEXT_QUESTION, QUESTION

pytestmark = pytest.mark.clients
# build: data = ["//max/python/max/entrypoints:pipelines"]

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        yield client


def test_answers_are_sent_back_in_each_form(client: openai.OpenAI) -> None:
    chat = client.chat.completions
    message = chat.create(model=MODEL, messages=ASKED, temperature=0).choices[0].message
    assert (message.content or "").endswith(ANSWER)
    answers = set()
    for replayed in (message, message.model_dump(), message.to_dict()):
        history = [*ASKED, replayed, {"role": "user", "content": NEXT_QUESTION}]
        second = chat.create(model=MODEL, messages=history, temperature=0)  # type: ignore[arg-type]
        answers.add(second.choices[0].message.content)
    assert len(answers) == 1


def test_streamed(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(model=MODEL, messages=ASKED, temperature=0, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks).endswith(ANSWER)


def test_the_helper_of_streams(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=ASKED, temperature=0) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert (message.content or "").endswith(ANSWER)
    history = [*ASKED, message, {"role": "user", "content": NEXT_QUESTION}]
    assert client.chat.completions.create(model=MODEL, messages=history)  # type: ignore[arg-type]


def test_raw_answers(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=ASKED, temperature=0
    )
    assert raw.headers["content-type"].startswith("application/json")
    assert (raw.parse().choices[0].message.content or "").endswith(ANSWER)


def test_completions_and_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    completion = client.completions.create(model=MODEL, prompt=QUESTION, max_tokens=3)
    assert completion.usage is not None and 1 <= completion.usage.completion_tokens <= 3


def test_many_at_once(base_url: str) -> None:
    async def ask_all() -> set[str | None]:
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
            asked = (
                client.chat.completions.create(model=MODEL, messages=ASKED, temperature=0)
                for _ in range(8)
            )
            return {c.choices[0].message.content for c in await asyncio.gather(*asked)}

    assert len(asyncio.run(ask_all())) == 1
