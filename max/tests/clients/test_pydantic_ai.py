"""Agents of Pydantic AI against a server: plain, streamed, asynchronous, several turns."""

# build: size = "medium"

from __future__ import annotations

import asyncio

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from clients.conversation import (
    CALCULATION,
    KEY,
    MODEL,
    QUESTIONS,
    calculated,
    is_answer,
)

pytestmark = pytest.mark.clients


@pytest.fixture
def agent(url: str) -> Agent:
    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=url, api_key=KEY))
    return Agent(model, model_settings={"temperature": 0})


def test_an_answer_and_the_next_turn(agent: Agent) -> None:
    async def talk() -> None:
        first = await agent.run(QUESTIONS[0][0])
        assert is_answer(first.output)
        second = await agent.run(QUESTIONS[1][0], message_history=first.all_messages())
        assert is_answer(second.output, 1)
        assert len(second.all_messages()) == 4

    asyncio.run(talk())


def test_a_stream_is_the_answer(agent: Agent) -> None:
    async def talk() -> None:
        async with agent.run_stream(QUESTIONS[0][0]) as run:
            parts = [part async for part in run.stream_text(delta=True, debounce_by=None)]
            history = run.all_messages()
        assert len(parts) > 1
        assert is_answer("".join(parts))
        second = await agent.run(QUESTIONS[1][0], message_history=history)
        assert is_answer(second.output, 1)

    asyncio.run(talk())


def test_a_function_is_called_and_its_result_is_the_answer(agent: Agent) -> None:
    called = []

    @agent.tool_plain
    def calculator(expression: str) -> str:
        """Works an expression out."""
        called.append(expression)
        return calculated(expression)

    run = asyncio.run(agent.run(CALCULATION[0]))
    assert called
    assert CALCULATION[1] in run.output
