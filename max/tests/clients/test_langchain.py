"""LangChain's chat model against a server: plain, streamed, asynchronous, several turns."""

# build: size = "medium"

from __future__ import annotations

import asyncio

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAI

from clients.conversation import KEY, MODEL, QUESTIONS, is_answer

pytestmark = pytest.mark.clients


def asked(question: int = 0) -> HumanMessage:
    return HumanMessage(QUESTIONS[question][0])


@pytest.fixture
def model(url: str) -> ChatOpenAI:
    return ChatOpenAI(model=MODEL, base_url=url, api_key=KEY, temperature=0, max_retries=0)


def test_an_answer_and_the_next_turn(model: ChatOpenAI) -> None:
    first = model.invoke([asked()])
    assert isinstance(first, AIMessage)
    assert is_answer(first.text)
    assert first.usage_metadata["output_tokens"] > 0
    assert first.response_metadata["finish_reason"] == "stop"
    second = model.invoke([asked(), first, asked(1)])
    assert is_answer(second.text, 1)


def test_a_stream_adds_up_to_a_message(model: ChatOpenAI) -> None:
    chunks = list(model.stream([asked()]))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert len(chunks) > 1
    assert is_answer(whole.text)
    assert is_answer(model.invoke([asked(), whole, asked(1)]).text, 1)


def test_asynchronous_and_in_batches(model: ChatOpenAI) -> None:
    async def stream() -> str:
        return "".join([chunk.text async for chunk in model.astream([asked(1)])])

    assert is_answer(asyncio.run(stream()), 1)
    first, second = model.batch([[asked()], [asked(1)]])
    assert is_answer(first.text)
    assert is_answer(second.text, 1)


def test_a_system_message(model: ChatOpenAI) -> None:
    assert model.invoke([SystemMessage("Answer in steps."), asked()]).text


def test_log_probabilities(model: ChatOpenAI) -> None:
    answer = model.bind(logprobs=True).invoke([asked()])
    parts = answer.response_metadata["logprobs"]["content"]
    assert answer.text.startswith(parts[0]["token"])


def test_completions(url: str) -> None:
    model = OpenAI(model=MODEL, base_url=url, api_key=KEY, temperature=0, max_tokens=8)
    assert "".join(model.stream("Tom has")) == model.invoke("Tom has")
