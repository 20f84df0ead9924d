"""`POST /v1/chat/completions/render`: what the model would see."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.context import TextContext
from max.serve.contexts import FIELD_OF_PARAMETER, chat_contexts, prompt_messages
from max.serve.disconnect import until_disconnect
from max.serve.routes.body import read_request
from max.serve.routes.json_answer import json_answer
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.render import RenderedChat, ResolvedSampling
from max.serve.state import state_of


async def render_chat_completion(request: Request) -> Response:
    """Does all that is done for a chat completion until the worker would get it."""
    state = state_of(request)
    body = await read_request(request, ChatCompletionRequest)
    service = state.require_service()
    service.check_name(body.model)
    (context,) = await until_disconnect(
        request.receive, chat_contexts(service, body.model_copy(update={"n": 1}))
    )
    messages = await prompt_messages(body.messages)
    text, *_ = await service.tokenizer.render(
        messages, body.offered_tools or None, body.template_options
    )
    return json_answer(
        RenderedChat(
            model=service.name,
            prompt=text,
            token_ids=context.tokens.prompt.tolist(),
            count=context.tokens.prompt_length,
            max_model_len=service.max_model_len,
            sampling_params=_resolved(context, seed=body.seed),
        )
    )


def _resolved(context: TextContext, *, seed: int | None) -> ResolvedSampling:
    params = asdict(context.sampling_params)
    params |= {FIELD_OF_PARAMETER.get(name, name): value for name, value in params.items()}
    params["max_tokens"] = context.max_length - context.tokens.prompt_length
    params["stop"] = params["stop"] or []
    params["stop_token_ids"] = params["stop_token_ids"] or []
    params["logit_bias"] = {str(id): bias for id, bias in (params["logit_bias"] or {}).items()}
    params["seed"] = seed
    return msgspec.convert(params, ResolvedSampling)
