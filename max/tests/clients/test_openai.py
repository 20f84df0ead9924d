"""The helpers of the official client; what it answered can be sent back."""

# build: size = "medium"

from __future__ import annotations

import asyncio

import openai
import pytest

from clients.conversation import KEY, MODEL, QUESTIONS, is_answer

pytestmark = pytest.mark.clients


def asked(question: int = 0) -> dict[str, str]:
    return {"role": "user", "content": QUESTIONS[question][0]}


@pytest.fixture
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=KEY, max_retries=0)


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("another")


@pytest.mark.parametrize("form", ["object", "dump", "dump without what is not set"])
def test_an_answer_is_sent_back_in_each_of_its_forms(client: openai.OpenAI, form: str) -> None:
    first = client.chat.completions.create(model=MODEL, messages=[asked()], temperature=0)
    message = first.choices[0].message
    again = {
        "object": message,
        "dump": message.model_dump(),
        "dump without what is not set": message.model_dump(exclude_unset=True),
    }[form]
    second = client.chat.completions.create(
        model=MODEL, messages=[asked(), again, asked(1)], temperature=0
    )
    assert is_answer(message.content)
    assert is_answer(second.choices[0].message.content, 1)


def test_events_of_the_stream_helper(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=[asked()], temperature=0) as stream:
        events = list(stream)
        completion = stream.get_final_completion()
    text = "".join(event.delta for event in events if event.type == "content.delta")
    assert text == completion.choices[0].message.content
    assert is_answer(text)
    second = client.chat.completions.create(
        model=MODEL, messages=[asked(), completion.choices[0].message, asked(1)], temperature=0
    )
    assert is_answer(second.choices[0].message.content, 1)


def test_asynchronous_answers_side_by_side(url: str) -> None:
    async def ask_all() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:

            async def ask(question: int) -> str | None:
                stream = await client.chat.completions.create(
                    model=MODEL, messages=[asked(question)], temperature=0, stream=True
                )
                parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
                return "".join(parts)

            return await asyncio.gather(ask(0), ask(1), ask(0))

    first, second, third = asyncio.run(ask_all())
    assert is_answer(first)
    assert is_answer(second, 1)
    assert first == third


def test_raw_responses_have_their_headers(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[asked()], temperature=0
    )
    assert raw.request_id
    assert is_answer(raw.parse().choices[0].message.content)
    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=[asked()], temperature=0
    ) as streamed:
        assert is_answer(streamed.parse().choices[0].message.content)


def test_completions_and_their_stream(client: openai.OpenAI) -> None:
    whole = client.completions.create(model=MODEL, prompt="Tom has", max_tokens=8, temperature=0)
    parts = client.completions.create(
        model=MODEL, prompt="Tom has", max_tokens=8, temperature=0, stream=True
    )
    assert "".join(part.choices[0].text for part in parts) == whole.choices[0].text


def test_an_error_says_its_field(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="temperature") as error:
        client.chat.completions.create(model=MODEL, messages=[asked()], temperature=-1)
    assert error.value.param == "temperature"
