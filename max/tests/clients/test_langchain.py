"""LangChain's chat model."""

from __future__ import annotations

import asyncio

import pytest
from langchain_openai import ChatOpenAI

from clients.questions import ANSWER, MODEL, NEXT_QUESTION, QUESTION

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
# build: data = ["//max/python/max/entrypoints:pipelines"]


@pytest.fixture
def chat(base_url: str) -> ChatOpenAI:
    return ChatOpenAI(model=MODEL, base_url=base_url, api_key="none", temperature=0)


def test_several_turns(chat: ChatOpenAI) -> None:
    history = [("user", QUESTION)]
    answer = chat.invoke(history)
    assert answer.content.endswith(ANSWER)
    assert answer.usage_metadata["output_tokens"] > 0
    assert chat.invoke([*history, answer, ("user", NEXT_QUESTION)]).content


def test_streamed(chat: ChatOpenAI) -> None:
    chunks = list(chat.stream(QUESTION))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert whole.content.endswith(ANSWER)
    assert chat.invoke([("user", QUESTION), whole, ("user", NEXT_QUESTION)]).content


def test_a_batch_and_asynchronous(chat: ChatOpenAI) -> None:
    assert all(a.content.endswith(ANSWER) for a in chat.batch([QUESTION] * 4))
    assert asyncio.run(chat.ainvoke(QUESTION)).content.endswith(ANSWER)


def test_a_system_message(chat: ChatOpenAI) -> None:
    assert chat.invoke([("system", "Be brief."), ("user", QUESTION)]).content
