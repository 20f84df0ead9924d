"""The official `openai` client against a server of the demo model."""

# build: size = "medium"

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.serve.server_process import ServerProcess

MODEL = "demo"
QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"


def messages(text: str = QUESTION) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def ask(client: openai.OpenAI, text: str = QUESTION) -> ChatCompletion:
    return client.chat.completions.create(model=MODEL, messages=messages(text), temperature=0)


def text_of(completion: ChatCompletion) -> str:
    text = completion.choices[0].message.content
    assert text is not None
    return text


def test_question_is_answered(client: openai.OpenAI) -> None:
    completion = ask(client)

    # The model was trained to end its answer with the result on a line of its own.
    assert text_of(completion).endswith("#### 8")
    assert completion.choices[0].finish_reason == "stop"


def test_streamed_answer_is_the_same(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=messages(),
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    whole = ask(client)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == text_of(whole)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage


def test_usage_counts_the_tokens(client: openai.OpenAI) -> None:
    usage = client.completions.create(
        model=MODEL, prompt=[[9, 9, 9], [9]], max_tokens=7, extra_body={"ignore_eos": True}
    ).usage

    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (4, 14, 18)


def test_prompts_of_a_request_are_answered_as_if_alone(client: openai.OpenAI) -> None:
    def complete(prompt: list[str]) -> list[str]:
        completion = client.completions.create(
            model=MODEL, prompt=prompt, max_tokens=8, temperature=0
        )
        return [choice.text for choice in completion.choices]

    prompts = ["Tom has", "How many", "Tom has"]

    assert complete(prompts) == [complete([prompt])[0] for prompt in prompts]


def test_requests_at_once_get_the_answers_they_get_alone(client: openai.OpenAI) -> None:
    questions = [
        f"Anna has {count} pens and buys 4 more. How many pens does Anna have?"
        for count in range(2, 10)
    ]
    alone = [text_of(ask(client, question)) for question in questions]

    with ThreadPoolExecutor(len(questions)) as pool:
        together = list(pool.map(lambda question: text_of(ask(client, question)), questions))

    assert together == alone
    assert len(set(alone)) == len(alone)


def test_seed_repeats_a_sample_whatever_else_runs(client: openai.OpenAI) -> None:
    def sample(seed: int) -> str:
        completion = client.completions.create(
            model=MODEL, prompt="Tom", max_tokens=24, temperature=1.5, seed=seed
        )
        return completion.choices[0].text

    alone = sample(7)
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(sample, [1, 7, 2, 7, 3, 4]))

    assert together[1] == together[3] == alone
    assert len(set(together)) > 2


def test_choices_of_a_request_differ_and_the_first_has_its_seed(client: openai.OpenAI) -> None:
    def sample(count: int) -> list[str]:
        completion = client.completions.create(
            model=MODEL, prompt="Tom", max_tokens=24, temperature=1.5, seed=3, n=count
        )
        return [choice.text for choice in completion.choices]

    (single,), several = sample(1), sample(4)

    assert several[0] == single
    assert len(set(several)) > 1


def test_stop_string_cuts_the_answer(client: openai.OpenAI) -> None:
    whole = text_of(ask(client))
    completion = client.chat.completions.create(
        model=MODEL, messages=messages(), temperature=0, stop=["####"]
    )

    assert text_of(completion) == whole[: whole.index("####")]
    assert completion.choices[0].finish_reason == "stop"


def test_token_limit_ends_with_length(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model=MODEL, messages=messages(), temperature=0, max_completion_tokens=4
    )

    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 4
    assert text_of(ask(client)).startswith(text_of(completion))


def test_extensions_go_through_the_extra_body(client: openai.OpenAI) -> None:
    completion = client.completions.create(
        model=MODEL,
        prompt="Tom",
        max_tokens=30,
        extra_body={"top_k": 1, "ignore_eos": True, "min_tokens": 2, "repetition_penalty": 1.1},
    )

    assert completion.usage is not None
    assert completion.usage.completion_tokens == 30


def test_bias_forces_a_token(client: openai.OpenAI) -> None:
    completion = client.completions.create(
        model=MODEL, prompt="Tom", max_tokens=5, logit_bias={"40": 100}, temperature=0
    )
    forced = client.completions.create(
        model=MODEL, prompt="Tom", max_tokens=1, logit_bias={"40": 100}, temperature=0
    )

    assert completion.choices[0].text == 5 * forced.choices[0].text != ""


def test_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL, "ahoy"]
    assert client.models.retrieve(MODEL).id == MODEL


def test_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as error:
        client.completions.create(model="gpt-x", prompt="x")

    assert error.value.code == "model_not_found"


def test_prompt_that_is_too_long(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="maximum context length is") as error:
        client.completions.create(model=MODEL, prompt=[9] * 100_000)

    assert error.value.code == "context_length_exceeded"


def test_unknown_field(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        client.completions.create(model=MODEL, prompt="x", extra_body={"temprature": 1})

    assert error.value.param == "temprature"


def test_echo_needs_an_option_that_log_probabilities_do_not(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="--enable-echo") as error:
        client.completions.create(model=MODEL, prompt="Tom", echo=True)
    assert error.value.param == "echo"

    completion = client.completions.create(model=MODEL, prompt="Tom", max_tokens=2, logprobs=1)
    assert completion.choices[0].logprobs is not None
    assert len(completion.choices[0].logprobs.tokens or ()) == 2


def test_closing_a_stream_leaves_the_server_well(client: openai.OpenAI) -> None:
    for _ in range(3):
        with client.completions.create(
            model=MODEL, prompt="Tom", stream=True, extra_body={"ignore_eos": True}
        ) as stream:
            next(iter(stream))

    assert text_of(ask(client)).endswith("#### 8")


def test_async_client_streams_side_by_side(server: ServerProcess) -> None:
    async def stream_one(client: openai.AsyncOpenAI) -> str:
        chunks = await client.chat.completions.create(
            model=MODEL, messages=messages(), temperature=0, stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    async def stream_all() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
            return await asyncio.gather(*(stream_one(client) for _ in range(8)))

    texts = asyncio.run(stream_all())

    assert set(texts) == {texts[0]}
    assert texts[0].endswith("#### 8")
