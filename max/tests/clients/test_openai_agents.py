"""OpenAI's agents, over chat completions."""

from __future__ import annotations

import asyncio

import openai
import pytest
from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled

from clients.questions import ANSWER, MODEL, NEXT_QUESTION, QUESTION

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
# build: data = ["//max/python/max/entrypoints:pipelines"]


@pytest.fixture
def agent(base_url: str) -> Agent:
    set_tracing_disabled(True)
    client = openai.AsyncOpenAI(base_url=base_url, api_key="none")
    model = OpenAIChatCompletionsModel(model=MODEL, openai_client=client)
    return Agent(name="solver", model=model)


def test_several_turns(agent: Agent) -> None:
    async def converse() -> tuple[str, str]:
        first = await Runner.run(agent, QUESTION)
        history = [*first.to_input_list(), {"role": "user", "content": NEXT_QUESTION}]
        return first.final_output, (await Runner.run(agent, history)).final_output

    first, second = asyncio.run(converse())
    assert "####" in first and second


def test_streamed(agent: Agent) -> None:
    async def stream() -> str:
        result = Runner.run_streamed(agent, QUESTION)
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    assert ANSWER[:4] in asyncio.run(stream())
