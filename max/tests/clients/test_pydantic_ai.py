"""pydantic-ai: an agent that answers in text."""

from __future__ import annotations

import asyncio

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from clients.questions import ANSWER, MODEL, NEXT_QUESTION, QUESTION

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
# build: data = ["//max/python/max/entrypoints:pipelines"]


@pytest.fixture
def agent(base_url: str) -> Agent:
    provider = OpenAIProvider(base_url=base_url, api_key="none")
    return Agent(OpenAIChatModel(MODEL, provider=provider), model_settings={"temperature": 0})


def test_several_turns(agent: Agent) -> None:
    first = agent.run_sync(QUESTION)
    assert first.output.endswith(ANSWER)
    assert agent.run_sync(NEXT_QUESTION, message_history=first.all_messages()).output


def test_streamed(agent: Agent) -> None:
    async def stream() -> str:
        async with agent.run_stream(QUESTION) as result:
            return "".join([piece async for piece in result.stream_text(delta=True)])

    assert asyncio.run(stream()).endswith(ANSWER)
