"""LlamaIndex against a server: plain, streamed, asynchronous, several turns, a chat engine."""

# build: size = "medium"

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from clients.conversation import KEY, MODEL, QUESTIONS, is_answer

pytestmark = pytest.mark.clients


def asked(question: int = 0) -> ChatMessage:
    return ChatMessage(role="user", content=QUESTIONS[question][0])


@pytest.fixture
def model(url: str) -> OpenAILike:
    return OpenAILike(
        model=MODEL, api_base=url, api_key=KEY, temperature=0, is_chat_model=True, max_retries=0
    )


def test_an_answer_and_the_next_turn(model: OpenAILike) -> None:
    first = model.chat([asked()])
    assert is_answer(first.message.content)
    assert is_answer(model.chat([asked(), first.message, asked(1)]).message.content, 1)


def test_a_stream_is_the_answer(model: OpenAILike) -> None:
    parts = list(model.stream_chat([asked()]))
    assert len(parts) > 1
    assert is_answer("".join(part.delta or "" for part in parts))


def test_asynchronous(model: OpenAILike) -> None:
    async def ask() -> str | None:
        answer = await model.achat([asked(1)])
        return answer.message.content

    assert is_answer(asyncio.run(ask()), 1)


def test_completion(model: OpenAILike) -> None:
    assert model.complete(QUESTIONS[0][0]).text


def test_a_chat_engine_remembers(model: OpenAILike) -> None:
    engine = SimpleChatEngine.from_defaults(llm=model)
    assert is_answer(engine.chat(QUESTIONS[0][0]).response)
    assert is_answer("".join(engine.stream_chat(QUESTIONS[1][0]).response_gen), 1)
