"""`POST /v1/embeddings`."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.context import InputError, PromptTooLongError, TextContext
from max.pipelines.lib.embed.tokenizer import SentenceTokenizer
from max.pipelines.modeling.types import PipelineTask, RequestID
from max.serve.contexts import api_error
from max.serve.disconnect import until_disconnect
from max.serve.errors import ApiError, context_length_exceeded, invalid_value
from max.serve.generation import Generation
from max.serve.routes.body import read_request
from max.serve.routes.json_answer import json_answer
from max.serve.schemas.embedding import Embedding, EmbeddingList, EmbeddingRequest, EmbeddingUsage
from max.serve.schemas.usage import Usage
from max.serve.state import ModelService, state_of
from max.serve.telemetry.request_record import current_record


async def embeddings(request: Request) -> Response:
    """Gives a vector for each text."""
    state = state_of(request)
    body = await read_request(request, EmbeddingRequest)
    service = state.require_service()
    service.check_name(body.model)
    service.require_task(PipelineTask.EMBEDDINGS_GENERATION)
    contexts = await _contexts(service, body)
    prompt_tokens = sum(len(context.tokens) for context in contexts)
    record = current_record()
    for index, context in enumerate(contexts):
        context.request_id = RequestID(record.engine_id(index))
    usage = Usage(prompt_tokens, 0, prompt_tokens)
    record.submit("embeddings", body.model, contexts[0].sampling_params, [], lambda: usage)
    generation = await until_disconnect(request.receive, service.engine.submit(contexts))
    try:
        vectors = await until_disconnect(request.receive, _collect(generation, len(contexts)))
    finally:
        generation.close()
    return json_answer(
        EmbeddingList(
            data=[
                Embedding(index=index, embedding=_written(_shortened(vector, body), body))
                for index, vector in enumerate(vectors)
            ],
            model=service.name,
            usage=EmbeddingUsage(prompt_tokens, prompt_tokens),
        )
    )


async def _contexts(service: ModelService, body: EmbeddingRequest) -> list[TextContext]:
    """One for each text.

    Raises:
        ApiError: 400 for a text that has no tokens, or too many.
    """
    tokenizer = service.tokenizer
    assert isinstance(tokenizer, SentenceTokenizer), "its task needs one"
    limit = service.max_model_len
    asked = body.truncate_prompt_tokens
    truncate_to = limit if asked == -1 else asked
    contexts = []
    try:
        for text in body.input:
            await asyncio.sleep(0)  # others get their turn in between
            contexts.append(await tokenizer.embedding_context(text, limit, truncate_to))
    except PromptTooLongError as error:
        raise _too_long(error) from error
    except InputError as error:
        raise api_error(error) from error
    return contexts


def _too_long(error: PromptTooLongError) -> ApiError:
    found = context_length_exceeded(error.allowed, error.given, None, "input").body
    hint = " truncate_prompt_tokens=-1 lets the rest of a long text be left out."
    return ApiError(400, found.message + hint, param=found.param, code=found.code)


async def _collect(generation: Generation, count: int) -> list[NDArray[np.float32]]:
    """The vectors of all texts, as they come."""
    found: dict[int, NDArray[np.float32]] = {}
    while len(found) < count:
        for delta in await generation.take():
            if delta.status.is_done:
                found[delta.index] = np.frombuffer(delta.embedding, np.float32)
    return [found[index] for index in range(count)]


def _shortened(vector: NDArray[np.float32], body: EmbeddingRequest) -> NDArray[np.float32]:
    """The first `dimensions` numbers, of length 1 together."""
    wanted = body.dimensions
    if wanted is None:
        return vector
    if wanted > len(vector):
        raise invalid_value(
            f"the model's vectors have {len(vector)} dimensions, got {wanted}",
            "dimensions",
            "invalid_value",
        )
    part = vector[:wanted]
    return part / np.float32(max(float(np.linalg.norm(part)), 1e-12))


def _written(vector: NDArray[np.float32], body: EmbeddingRequest) -> list[float] | str:
    if body.encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    numbers: list[float] = vector.tolist()
    return numbers
