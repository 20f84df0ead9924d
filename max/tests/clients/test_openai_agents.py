"""OpenAI's Agents SDK against a server, over /v1/responses and over chat completions."""

# build: size = "medium"

from __future__ import annotations

import asyncio

import pytest
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
)
from openai import AsyncOpenAI

from clients.conversation import (
    CALCULATION,
    KEY,
    MODEL,
    QUESTIONS,
    calculated,
    is_answer,
)

Api = type[OpenAIChatCompletionsModel] | type[OpenAIResponsesModel]

pytestmark = [
    pytest.mark.clients,
    pytest.mark.parametrize("api", [OpenAIResponsesModel, OpenAIChatCompletionsModel]),
]


@function_tool
def calculator(expression: str) -> str:
    """Works an expression out."""
    return calculated(expression)


def agent(api: Api, client: AsyncOpenAI) -> Agent:
    model = api(model=MODEL, openai_client=client)
    return Agent(name="Tutor", model=model, model_settings=ModelSettings(temperature=0))


def test_an_answer_and_the_next_turn(api: Api, url: str) -> None:
    async def talk() -> None:
        async with AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
            first = await Runner.run(agent(api, client), QUESTIONS[0][0])
            assert is_answer(first.final_output)
            history = [*first.to_input_list(), {"role": "user", "content": QUESTIONS[1][0]}]
            second = await Runner.run(agent(api, client), history)
            assert is_answer(second.final_output, 1)

    asyncio.run(talk())


def test_a_stream_is_the_answer(api: Api, url: str) -> None:
    async def talk() -> None:
        async with AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
            run = Runner.run_streamed(agent(api, client), QUESTIONS[0][0])
            events = [event async for event in run.stream_events()]
            deltas = [
                event.data.delta
                for event in events
                if event.type == "raw_response_event"
                and event.data.type == "response.output_text.delta"
            ]
            assert "".join(deltas) == run.final_output
            assert is_answer(run.final_output)

    asyncio.run(talk())


def test_a_function_is_called_and_its_result_is_the_answer(api: Api, url: str) -> None:
    async def talk() -> None:
        async with AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
            calling = agent(api, client).clone(tools=[calculator])
            run = await Runner.run(calling, CALCULATION[0])
            assert CALCULATION[1] in run.final_output
            assert any(item.type == "tool_call_item" for item in run.new_items)

    asyncio.run(talk())
