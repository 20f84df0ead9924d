"""LiteLLM against a server: plain, streamed, asynchronous, several turns."""

# build: size = "medium"

from __future__ import annotations

import asyncio

import litellm
import pytest

from clients.conversation import KEY, MODEL, QUESTIONS, is_answer

pytestmark = pytest.mark.clients


def settings(url: str) -> dict[str, object]:
    return {"model": f"openai/{MODEL}", "api_base": url, "api_key": KEY, "temperature": 0}


def asked(question: int = 0) -> dict[str, str]:
    return {"role": "user", "content": QUESTIONS[question][0]}


def test_an_answer_and_the_next_turn(url: str) -> None:
    first = litellm.completion(messages=[asked()], **settings(url))
    message = first.choices[0].message
    assert is_answer(message.content)
    assert first.usage.completion_tokens > 0
    for again in (message, message.model_dump()):
        second = litellm.completion(messages=[asked(), again, asked(1)], **settings(url))
        assert is_answer(second.choices[0].message.content, 1)


def test_a_stream_is_the_answer(url: str) -> None:
    chunks = list(litellm.completion(messages=[asked()], stream=True, **settings(url)))
    assert is_answer("".join(chunk.choices[0].delta.content or "" for chunk in chunks))
    whole = litellm.stream_chunk_builder(chunks, messages=[asked()])
    second = litellm.completion(
        messages=[asked(), whole.choices[0].message, asked(1)], **settings(url)
    )
    assert is_answer(second.choices[0].message.content, 1)


def test_asynchronous(url: str) -> None:
    async def ask() -> str:
        answer = await litellm.acompletion(messages=[asked(1)], **settings(url))
        text: str = answer.choices[0].message.content
        return text

    assert is_answer(asyncio.run(ask()), 1)


def test_text_completion(url: str) -> None:
    options = {**settings(url), "model": f"text-completion-openai/{MODEL}"}
    answer = litellm.text_completion(prompt="Tom has", max_tokens=8, **options)
    assert answer.choices[0].text


def test_errors_are_those_of_the_library(url: str) -> None:
    with pytest.raises(litellm.BadRequestError, match="top_p"):
        litellm.completion(messages=[asked()], top_p=7, **settings(url))
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(messages=[asked()], **{**settings(url), "model": "openai/another"})
