"""`POST /tokenize` and `POST /detokenize`."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.context import InputError
from max.pipelines.lib.tokenizer import PromptText
from max.serve.contexts import api_error, prompt_messages
from max.serve.disconnect import until_disconnect
from max.serve.errors import invalid_value
from max.serve.routes.body import beside, read_body, read_request
from max.serve.routes.json_answer import json_answer
from max.serve.schemas.tokenize import (
    Detokenization,
    DetokenizeRequest,
    Tokenization,
    TokenizeChatRequest,
    TokenizePromptRequest,
)
from max.serve.schemas.validation import has_field
from max.serve.state import ModelService, state_of

# A text may be this much longer than what the model takes: it may be counted in order to be cut.
MOST_LENGTHS = 8


async def tokenize(request: Request) -> Response:
    """The tokens of a text, or of a conversation."""
    state = state_of(request)
    raw = await read_body(request)
    is_chat = await beside(request, partial(has_field, raw, "messages"))
    model: type[TokenizeChatRequest | TokenizePromptRequest] = (
        TokenizeChatRequest if is_chat else TokenizePromptRequest
    )
    body = await read_request(request, model)
    service = state.require_service()
    service.check_name(body.model)
    try:
        tokens = await until_disconnect(request.receive, _tokens(service, body))
    except InputError as error:
        raise api_error(error) from error
    strings = await service.tokenizer.token_strings_of(tokens) if body.return_token_strs else None
    return json_answer(
        Tokenization(
            count=len(tokens),
            max_model_len=service.max_model_len,
            tokens=tokens,
            token_strs=strings,
        )
    )


async def detokenize(request: Request) -> Response:
    """The text of tokens."""
    state = state_of(request)
    body = await read_request(request, DetokenizeRequest)
    service = state.require_service()
    service.check_name(body.model)
    check_count(len(body.tokens), service.max_model_len)
    try:
        service.tokenizer.check_token_ids("tokens", body.tokens)
    except InputError as error:
        raise api_error(error) from error
    return json_answer(Detokenization(await service.tokenizer.decode(body.tokens)))


def check_count(count: int, max_model_len: int) -> None:
    """Raises `ApiError` for more tokens than a text may have that is counted."""
    most = MOST_LENGTHS * max_model_len
    if count > most:
        raise invalid_value(
            f"'tokens' has {count} tokens; at most {most} are taken, {MOST_LENGTHS} times what the"
            " model takes (--max-length)",
            "tokens",
        )


async def _tokens(
    service: ModelService, body: TokenizePromptRequest | TokenizeChatRequest
) -> list[int]:
    if isinstance(body, TokenizePromptRequest):
        rendered = PromptText(body.prompt, body.add_special_tokens)
    else:
        messages = await prompt_messages(body.messages)
        rendered = await service.tokenizer.render(messages, options=body.template_options)
        if body.add_special_tokens is not None:
            rendered = rendered._replace(add_special_tokens=body.add_special_tokens)
    most = MOST_LENGTHS * service.max_model_len
    tokens: list[int] = (await service.tokenizer.encode(*rendered, most=most)).tolist()
    return tokens
