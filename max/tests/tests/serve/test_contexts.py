"""Tests of `max.serve.contexts`."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from dataclasses import replace

import pytest

from max.pipelines.context import TextContext
from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.modeling.types import TextGenerationRequest
from max.serve.clients import Client
from max.serve.contexts import chat_contexts, completion_contexts, sampling_params
from max.serve.engine_client import EngineClient
from max.serve.errors import ApiError
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.completion import CompletionRequest
from max.serve.state import ModelService
from max.serve.telemetry.request_record import RequestRecord, enter_request
from tests.serve.scripted_model import MODEL_NAME

LIMIT = 64


def make_service(tokenizer: TextTokenizer, **defaults: float) -> ModelService:
    return ModelService(
        name=MODEL_NAME,
        created=0,
        tokenizer=tokenizer,
        engine=EngineClient(),
        max_model_len=LIMIT,
        sampling_defaults=defaults,
    )


def chat(service: ModelService, **fields: object) -> list[TextContext]:
    body = {"model": MODEL_NAME, "messages": [{"role": "user", "content": "hi"}]} | fields
    return asyncio.run(chat_contexts(service, ChatCompletionRequest.model_validate(body)))


def complete(service: ModelService, **fields: object) -> list[TextContext]:
    body = CompletionRequest.model_validate({"model": MODEL_NAME} | fields)
    return asyncio.run(completion_contexts(service, body))


def text_of(tokenizer: TextTokenizer, context: TextContext) -> str:
    return str(tokenizer.delegate.decode(context.tokens.prompt.tolist()))


def test_conversation_is_rendered_by_the_template(tokenizer: TextTokenizer) -> None:
    service = make_service(tokenizer)
    messages = [{"role": "developer", "content": "a"}, {"role": "user", "content": "b"}]

    (context,) = chat(service, messages=messages)

    assert text_of(tokenizer, context) == "system: a\nuser: b\nassistant: "


def test_template_arguments_are_passed_on(tokenizer: TextTokenizer) -> None:
    service = make_service(tokenizer)

    (context,) = chat(service, chat_template_kwargs={"add_generation_prompt": False})

    assert text_of(tokenizer, context) == "user: hi\n"


def test_prompts_keep_their_order_and_their_choices_stand_in_a_row(
    tokenizer: TextTokenizer,
) -> None:
    service = make_service(tokenizer)

    contexts = complete(service, prompt=["one", "two"], n=2)

    assert [text_of(tokenizer, context) for context in contexts] == ["one", "one", "two", "two"]


def test_token_ids_are_taken_as_they_are(tokenizer: TextTokenizer) -> None:
    (context,) = complete(make_service(tokenizer), prompt=[7, 5, 3])

    assert context.tokens.prompt.tolist() == [7, 5, 3]


def test_choices_have_seeds_that_follow_from_the_requests(tokenizer: TextTokenizer) -> None:
    contexts = complete(make_service(tokenizer), prompt="x", n=3, seed=40)

    assert [context.sampling_params.seed for context in contexts] == [40, 41, 42]


def test_choices_are_tokenized_and_checked_once(
    tokenizer: TextTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[TextContext] = []
    new_context = tokenizer.new_context

    async def count(request: TextGenerationRequest) -> TextContext:
        made.append(await new_context(request))
        return made[-1]

    monkeypatch.setattr(tokenizer, "new_context", count)
    contexts = complete(make_service(tokenizer), prompt="x", n=128, max_tokens=5, min_tokens=2)

    assert len(made) == 1
    assert len({context.request_id for context in contexts}) == 128
    assert {context.max_length for context in contexts} == {made[0].tokens.prompt_length + 5}
    assert all(context.tokens is made[0].tokens for context in contexts)
    assert all(context.sampling_params.min_new_tokens == 2 for context in contexts)


@pytest.mark.parametrize("seed", [2**63 - 1, -(2**63), -1])
def test_seeds_stay_in_range(tokenizer: TextTokenizer, seed: int) -> None:
    contexts = complete(make_service(tokenizer), prompt="x", n=3, seed=seed)

    seeds = [context.sampling_params.seed for context in contexts]
    assert seeds[0] == seed
    assert len(set(seeds)) == 3


def test_requests_without_a_seed_differ(tokenizer: TextTokenizer) -> None:
    service = make_service(tokenizer)
    (first,), (second,) = complete(service, prompt="x"), complete(service, prompt="x")

    assert first.sampling_params.seed != second.sampling_params.seed


def test_model_recommends_what_the_request_leaves_open() -> None:
    body = CompletionRequest.model_validate({"model": "m", "prompt": "x", "top_p": 0.5})
    defaults = {"temperature": 0.2, "top_p": 0.9, "top_k": 4, "max_new_tokens": 5}

    params = sampling_params(body, defaults)

    assert (params.temperature, params.top_p, params.top_k) == (0.2, 0.5, 4)
    assert params.max_new_tokens is None


def test_answer_gets_the_rest_of_the_context_by_default(tokenizer: TextTokenizer) -> None:
    (context,) = complete(make_service(tokenizer), prompt="x")

    assert context.max_length == LIMIT


def test_answer_gets_what_was_asked_for(tokenizer: TextTokenizer) -> None:
    (context,) = complete(make_service(tokenizer), prompt="abc", max_tokens=LIMIT - 3)

    assert context.max_length == LIMIT


def test_a_request_has_a_bounded_number_of_completions(tokenizer: TextTokenizer) -> None:
    with pytest.raises(ApiError, match="2100 completions; at most 2048") as refusal:
        complete(make_service(tokenizer), prompt=["x"] * 21, n=100)

    assert refusal.value.body.param == "n"


def test_prompt_that_is_too_long_is_told_in_openais_words(tokenizer: TextTokenizer) -> None:
    with pytest.raises(ApiError) as refusal:
        complete(make_service(tokenizer), prompt="x" * LIMIT)

    error = refusal.value.body
    assert (refusal.value.status, error.code, error.param) == (
        400,
        "context_length_exceeded",
        "prompt",
    )
    assert error.message == (
        "This model's maximum context length is 64 tokens. However, your prompt resulted in 64"
        " tokens. Please reduce the length of the prompt."
    )


def test_answer_that_is_too_long_is_told_in_openais_words(tokenizer: TextTokenizer) -> None:
    with pytest.raises(ApiError) as refusal:
        chat(make_service(tokenizer), max_completion_tokens=60)

    error = refusal.value.body
    assert (error.code, error.param) == ("context_length_exceeded", "messages")
    # "user: hi\nassistant: " has 20 bytes, and each is a token.
    assert error.message == (
        "This model's maximum context length is 64 tokens. However, you requested 80 tokens"
        " (20 in the messages, 60 in the completion). Please reduce the length of the messages"
        " or completion."
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": "x", "max_tokens": 2, "min_tokens": 3}, "min_tokens"),
        ({"prompt": [100_000]}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x", "logit_bias": {"100000": 1}}, "logit_bias"),
        ({"prompt": "x", "stop_token_ids": [100_000]}, "stop_token_ids"),
    ],
)
def test_what_only_the_tokenizer_can_refuse_names_the_field(
    tokenizer: TextTokenizer, fields: dict[str, object], param: str
) -> None:
    with pytest.raises(ApiError) as refusal:
        complete(make_service(tokenizer), **fields)

    assert (refusal.value.status, refusal.value.body.param) == (400, param)


def test_template_arguments_that_are_reserved_name_the_field(tokenizer: TextTokenizer) -> None:
    with pytest.raises(ApiError) as refusal:
        chat(make_service(tokenizer), chat_template_kwargs={"tokenize": True})

    assert refusal.value.body.param == "chat_template_kwargs"


@pytest.mark.parametrize("isolates", [False, True])
def test_clients_share_cached_prefixes_unless_they_are_kept_apart(
    tokenizer: TextTokenizer, isolates: bool
) -> None:
    service = replace(make_service(tokenizer), isolates_prefixes=isolates)

    def salts(name: str) -> list[str | None]:
        def ask() -> list[TextContext]:
            enter_request(RequestRecord(client=Client(name)))
            return [*complete(service, prompt="x"), *chat(service, cache_salt="s", n=2)]

        return [ctx.cache_salt for ctx in copy_context().run(ask)]

    assert (salts("a") == salts("b")) is not isolates
    first, *others = salts("a")
    assert first not in others
    assert others[0] == others[1]


def test_no_name_and_salt_together_are_another_s(tokenizer: TextTokenizer) -> None:
    service = replace(make_service(tokenizer), isolates_prefixes=True)
    parts = ("a", "a\n", "\na", "a 1 a", "1 a", "", " ")

    def salt(name: str, own: str) -> str | None:
        def ask() -> str | None:
            enter_request(RequestRecord(client=Client(name)))
            (context,) = chat(service, cache_salt=own)
            return context.cache_salt

        return copy_context().run(ask)

    assert len({salt(name, own or "-") for name in parts for own in parts}) == len(parts) ** 2


@pytest.mark.parametrize(
    "shared",
    [
        {"logit_bias": {str(token): 1.0 for token in range(100)}},
        {"stop": ["a" * 1000]},
        {"stop_token_ids": list(range(200, 255)) * 18},
    ],
    ids=["biases", "stop strings", "stop tokens"],
)
def test_what_prompts_share_is_bounded_for_all_of_them(
    tokenizer: TextTokenizer, monkeypatch: pytest.MonkeyPatch, shared: dict[str, object]
) -> None:
    monkeypatch.setattr("max.serve.contexts.MAX_SHARED_BYTES", 5000)
    service = make_service(tokenizer)

    assert len(complete(service, prompt=["a"], **shared)) == 1
    assert len(complete(service, prompt=["a"] * 5, n=3)) == 15
    with pytest.raises(ApiError, match=r"10 prompts share .* at most 500 bytes") as caught:
        complete(service, prompt=["a"] * 10, **shared)
    assert (caught.value.status, caught.value.body.param) == (400, "prompt")
