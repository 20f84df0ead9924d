"""From a validated request body to the contexts of its choices."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import msgspec

from max.pipelines.context import InputError, PromptTooLongError, SamplingParams, TextContext
from max.pipelines.modeling.types import (
    PipelineTask,
    RequestID,
    TextGenerationRequest,
    TextGenerationRequestMessage,
)
from max.serve.constraints import constrain, constraint_of
from max.serve.echo import EchoedPrompt
from max.serve.errors import ApiError, context_length_exceeded, invalid_value
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.completion import CompletionRequest
from max.serve.schemas.conversation import ChatMessage
from max.serve.schemas.sampling_fields import SamplingFields
from max.serve.state import ModelService

# Request fields that are called differently in SamplingParams.
FIELD_OF_PARAMETER = {"max_new_tokens": "max_tokens", "min_new_tokens": "min_tokens"}
# What generation_config.json may decide; the length of an answer is the request's business.
DEFAULTED = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")

SEED_RANGE = 2**63
MAX_COMPLETIONS = 2048
# What prompts share is sent with each of them: as much as the largest body by default.
MAX_SHARED_BYTES = 16 * 1024 * 1024
_MESSAGES_AT_ONCE = 128

_PARAMETERS = {
    parameter.name: name
    for parameter in fields(SamplingParams)
    if (name := FIELD_OF_PARAMETER.get(parameter.name, parameter.name))
    in SamplingFields.model_fields
}


def sampling_params(body: SamplingFields, defaults: Mapping[str, Any]) -> SamplingParams:
    """What the request says, and for the rest what the model recommends.

    Raises:
        InputError: Fields contradict each other, as min_tokens above max_tokens.
    """
    given = {parameter: getattr(body, name) for parameter, name in _PARAMETERS.items()}
    # Without an answer, the model's first token still tells that the prompt is done with.
    given["max_new_tokens"] = 1 if body.completion_limit == 0 else body.completion_limit
    given["logit_bias"] = {int(token): bias for token, bias in (body.logit_bias or {}).items()}
    recommended = {name: defaults[name] for name in DEFAULTED if name in defaults}
    return SamplingParams(
        **recommended | {name: value for name, value in given.items() if value is not None}
    )


async def chat_contexts(service: ModelService, body: ChatCompletionRequest) -> list[TextContext]:
    """The contexts of a conversation, one for each of its `n` answers.

    Raises:
        ApiError: 400 for what the tokenizer, the template or the length limit refuses, and for
            models that generate no text.
    """
    service.require_task(PipelineTask.TEXT_GENERATION)
    try:
        request = TextGenerationRequest(
            model_name=body.model,
            messages=await prompt_messages(body.messages),
            tools=body.offered_tools or None,
            sampling_params=sampling_params(body, service.sampling_defaults),
            chat_template_options=body.template_options,
            cache_salt=body.cache_salt,
            logprobs=body.log_probabilities,
        )
        return await _choices_of(service, request, body, "messages")
    except InputError as error:
        raise api_error(error) from error


async def completion_contexts(service: ModelService, body: CompletionRequest) -> list[TextContext]:
    """The contexts of all prompts, `n` in a row for each.

    Raises:
        ApiError: As `chat_contexts`.
    """
    service.require_task(PipelineTask.TEXT_GENERATION)
    if body.echo and not service.enable_echo:
        raise invalid_value(
            "echo is for servers that were started with --enable-echo, which this one was not",
            "echo",
            "unsupported_parameter",
        )
    choices = len(body.prompt) * (body.n or 1)
    if choices > MAX_COMPLETIONS:
        raise invalid_value(
            f"{len(body.prompt)} prompts with n={body.n} are {choices} completions; at most"
            f" {MAX_COMPLETIONS} are allowed in one request",
            "n",
            "invalid_value",
        )
    contexts = []
    try:
        params = sampling_params(body, service.sampling_defaults)
        for prompt in body.prompt:
            # Many prompts take long to tokenize: others get their turn in between.
            await asyncio.sleep(0)
            request = TextGenerationRequest(
                model_name=body.model,
                prompt=prompt,
                sampling_params=params,
                cache_salt=body.cache_salt,
                logprobs=body.log_probabilities,
                echo=bool(body.echo),
            )
            contexts += await _choices_of(service, request, body, "prompt")
        if (constraint := await constraint_of(service, body)) is not None:
            for context in contexts:
                constrain(context, constraint)
    except InputError as error:
        raise api_error(error) from error
    _check_shared(contexts[0], len(body.prompt))
    return contexts


def _check_shared(context: TextContext, prompts: int) -> None:
    """Refuses much that goes for each of many prompts.

    Args:
        context: Of one of them.
        prompts: How many there are.
    """
    shared = (context.sampling_params, context.eos_tracker, context.constraint)
    size = len(msgspec.msgpack.encode(shared))
    if size * prompts > MAX_SHARED_BYTES:
        raise invalid_value(
            f"{prompts} prompts share parameters of {size} bytes (logit_bias, stop, stop_token_ids,"
            f" grammars), which go with each of them; at most {MAX_SHARED_BYTES // prompts} bytes"
            " are allowed for so many",
            "prompt",
            "invalid_value",
        )


async def echoed_prompts(
    service: ModelService, body: CompletionRequest, contexts: Sequence[TextContext]
) -> list[EchoedPrompt]:
    """The prompts of all choices, if the answers shall begin with them."""
    if not body.echo:
        return []
    count = body.n or 1
    echoes = []
    for index, context in enumerate(contexts):
        prompt, tokens = body.prompt[index // count], context.tokens.prompt.tolist()
        text = prompt if isinstance(prompt, str) else await service.tokenizer.decode(tokens)
        echoes.append(EchoedPrompt(text, tokens))
    return echoes


async def _choices_of(
    service: ModelService, request: TextGenerationRequest, body: SamplingFields, where: str
) -> list[TextContext]:
    try:
        first = await service.new_context(request)
    except PromptTooLongError as error:
        raise context_length_exceeded(
            error.allowed, error.given, body.completion_limit, where, is_more=error.is_more
        ) from error
    _check_length(service, first, body.completion_limit, where)
    return [first, *_siblings(first, body.n or 1)]


def _siblings(first: TextContext, count: int) -> list[TextContext]:
    """The other choices: the same tokens, with seeds that follow from the first one's.

    They share one buffer, which nobody on this side changes: 128 choices cost no more than one.
    """
    params = first.sampling_params
    assert params.seed is not None, "a context's seed is decided when it is made"
    return [
        replace(
            first,
            request_id=RequestID(),
            sampling_params=replace(params, seed=(params.seed + offset) % SEED_RANGE),
        )
        for offset in range(1, count)
    ]


def _check_length(
    service: ModelService, context: TextContext, completion: int | None, where: str
) -> None:
    """Refuses what cannot be had in full; without max_tokens the answer gets the rest."""
    limit, prompt = service.max_model_len, context.tokens.prompt_length
    if prompt >= limit or prompt + (completion or 0) > limit:
        raise context_length_exceeded(limit, prompt, completion, where)
    context.max_length = min(context.max_length, limit)


async def prompt_messages(messages: Sequence[ChatMessage]) -> list[TextGenerationRequestMessage]:
    """Messages as tokenizers take them."""
    found = []
    for number, message in enumerate(messages, 1):
        if number % _MESSAGES_AT_ONCE == 0:
            await asyncio.sleep(0)  # Others get their turn in between.
        found.append(prompt_message(message))
    return found


def prompt_message(message: ChatMessage) -> TextGenerationRequestMessage:
    """A message as tokenizers take it."""
    return TextGenerationRequestMessage(
        # "developer" is OpenAI's newer name; chat templates know the older one.
        role="system" if message.role == "developer" else message.role,
        content=message.template_content(),
        name=message.name,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        reasoning_content=message.reasoning_content or message.reasoning,
    )


def api_error(error: InputError) -> ApiError:
    """400 that names the request's field."""
    param = FIELD_OF_PARAMETER.get(error.param, error.param) if error.param else None
    return invalid_value(str(error), param, error.code or "invalid_value")
