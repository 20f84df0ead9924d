"""All endpoints: what the application routes and what its OpenAPI document describes."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from max.serve.config import ApiType
from max.serve.openapi.endpoint import Endpoint
from max.serve.routes.adapters import load_lora_adapter, unload_lora_adapter
from max.serve.routes.chat import chat_completions
from max.serve.routes.completions import completions
from max.serve.routes.embeddings import embeddings
from max.serve.routes.health import health, version
from max.serve.routes.messages import count_tokens, messages
from max.serve.routes.models import get_model, list_models
from max.serve.routes.openapi import openapi_document
from max.serve.routes.prefix_cache import reset_prefix_cache
from max.serve.routes.render import render_chat_completion
from max.serve.routes.responses import responses
from max.serve.routes.sagemaker import invocations
from max.serve.routes.tokenize import detokenize, tokenize
from max.serve.schemas.adapters import AdapterChange, LoadAdapterRequest, UnloadAdapterRequest
from max.serve.schemas.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionRequest
from max.serve.schemas.completion import Completion, CompletionRequest
from max.serve.schemas.embedding import EmbeddingList, EmbeddingRequest
from max.serve.schemas.messages import (
    MESSAGE_EVENTS,
    CountTokensRequest,
    Message,
    MessagesRequest,
    TokenCount,
)
from max.serve.schemas.models import ModelCard, ModelList
from max.serve.schemas.render import RenderedChat
from max.serve.schemas.responses import ResponseEvent, ResponseObject, ResponsesRequest
from max.serve.schemas.server import Health, OpenApiDocument, PrefixCacheReset, Version
from max.serve.schemas.tokenize import (
    Detokenization,
    DetokenizeRequest,
    Tokenization,
    TokenizeChatRequest,
    TokenizePromptRequest,
)

_NOT_READY = frozenset({503})
_READS_A_BODY = _NOT_READY | {400, 404, 413}
_RUNS_THE_MODEL = _READS_A_BODY | {429, 500, 504}

_get, _post = partial(Endpoint, method="GET"), partial(Endpoint, method="POST")
_openai_get, _openai_post = partial(_get, api="openai"), partial(_post, api="openai")

ENDPOINTS = (
    _openai_post(
        path="/v1/chat/completions",
        handler=chat_completions,
        summary="Answer a conversation",
        requests=(ChatCompletionRequest,),
        answers=(ChatCompletion,),
        events=(ChatCompletionChunk,),
        errors=_RUNS_THE_MODEL,
    ),
    _openai_post(
        path="/v1/completions",
        handler=completions,
        summary="Continue one or several prompts",
        requests=(CompletionRequest,),
        answers=(Completion,),
        events=(Completion,),
        errors=_RUNS_THE_MODEL,
    ),
    _openai_post(
        path="/v1/embeddings",
        handler=embeddings,
        summary="Turn texts into vectors",
        requests=(EmbeddingRequest,),
        answers=(EmbeddingList,),
        errors=_RUNS_THE_MODEL,
    ),
    _openai_post(
        path="/v1/chat/completions/render",
        handler=render_chat_completion,
        summary="Show what the model would see of a conversation",
        requests=(ChatCompletionRequest,),
        answers=(RenderedChat,),
        errors=_READS_A_BODY,
    ),
    _openai_post(
        path="/v1/responses",
        handler=responses,
        summary="Answer a conversation, in OpenAI's newer form",
        requests=(ResponsesRequest,),
        answers=(ResponseObject,),
        events=(ResponseEvent,),
        errors=_RUNS_THE_MODEL,
    ),
    _openai_post(
        path="/v1/messages",
        handler=messages,
        summary="Answer a conversation, in Anthropic's form",
        requests=(MessagesRequest,),
        answers=(Message,),
        events=MESSAGE_EVENTS,
        errors=_RUNS_THE_MODEL,
    ),
    _openai_post(
        path="/v1/messages/count_tokens",
        handler=count_tokens,
        summary="Count the tokens of a conversation, in Anthropic's form",
        requests=(CountTokensRequest,),
        answers=(TokenCount,),
        errors=_READS_A_BODY,
    ),
    _openai_get(
        path="/v1/models",
        handler=list_models,
        summary="List the served models",
        answers=(ModelList,),
        errors=_NOT_READY,
    ),
    _openai_get(
        path="/v1/models/{model:path}",
        handler=get_model,
        summary="Describe a served model",
        answers=(ModelCard,),
        errors=_NOT_READY | {404},
    ),
    _openai_post(
        path="/v1/load_lora_adapter",
        handler=load_lora_adapter,
        summary="Load a LoRA adapter, which requests then name as their model",
        requests=(LoadAdapterRequest,),
        answers=(AdapterChange,),
        errors=_NOT_READY | {400, 409, 413, 501},
    ),
    _openai_post(
        path="/v1/unload_lora_adapter",
        handler=unload_lora_adapter,
        summary="Unload a LoRA adapter; requests that have it go on",
        requests=(UnloadAdapterRequest,),
        answers=(AdapterChange,),
        errors=_NOT_READY | {400, 404, 413, 501},
    ),
    _post(
        path="/tokenize",
        handler=tokenize,
        summary="Turn a text or a conversation into tokens",
        requests=(TokenizePromptRequest, TokenizeChatRequest),
        answers=(Tokenization,),
        errors=_READS_A_BODY,
    ),
    _post(
        path="/detokenize",
        handler=detokenize,
        summary="Turn tokens into text",
        requests=(DetokenizeRequest,),
        answers=(Detokenization,),
        errors=_READS_A_BODY,
    ),
    _post(
        path="/reset_prefix_cache",
        handler=reset_prefix_cache,
        summary="Forget cached prefixes",
        answers=(PrefixCacheReset,),
        errors=_NOT_READY,
        is_for_admins=True,
    ),
    _post(
        path="/invocations",
        handler=invocations,
        summary="Answer a conversation or continue prompts, as SageMaker asks",
        requests=(ChatCompletionRequest, CompletionRequest),
        answers=(ChatCompletion, Completion),
        events=(ChatCompletionChunk, Completion),
        errors=_RUNS_THE_MODEL,
        api="sagemaker",
    ),
    _get(
        path="/ping",
        handler=health,
        summary="Tell whether requests are answered, as SageMaker asks",
        answers=(Health,),
        statuses=(200, 503),
        api="sagemaker",
        is_open=True,
    ),
    _get(
        path="/health",
        handler=health,
        summary="Tell whether requests are answered",
        answers=(Health,),
        statuses=(200, 503),
        is_open=True,
    ),
    _get(
        path="/v1/health",
        handler=health,
        summary="Tell whether requests are answered",
        answers=(Health,),
        statuses=(200, 503),
        is_open=True,
    ),
    _get(
        path="/version",
        handler=version,
        summary="Tell the version of the server",
        answers=(Version,),
        is_open=True,
    ),
    _get(
        path="/openapi.json",
        handler=openapi_document,
        summary="Describe all endpoints",
        answers=(OpenApiDocument,),
    ),
)


def endpoints_of(api_types: Collection[ApiType]) -> list[Endpoint]:
    """The endpoints of these interfaces, and those that are always there."""
    return [endpoint for endpoint in ENDPOINTS if endpoint.api in (None, *api_types)]
