"""Errors as clients see them: OpenAI's envelope `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from max.pipelines.modeling.task import PipelineTask
from max.serve.json_values import CONTAINER_WEIGHT, KEY_WEIGHT
from max.serve.telemetry.request_record import current_record

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"

# What an error repeats of a request is a line, not the request.
MAX_MESSAGE_LENGTH = 1000
MAX_PARAM_LENGTH = 100
MAX_VALUE_LENGTH = 80

HEADERS_OF_STATUS = {
    401: {"www-authenticate": "Bearer"},
    429: {"retry-after": "1"},
    503: {"retry-after": "1"},
}


class ErrorBody(msgspec.Struct, frozen=True):
    """The inner object of the envelope."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: ErrorBody


class ApiError(Exception):
    """An answer other than 200, raised from anywhere below a route."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID_REQUEST,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.body = ErrorBody(
            message=clipped(message, MAX_MESSAGE_LENGTH),
            type=type,
            param=None if param is None else clipped(param, MAX_PARAM_LENGTH),
            code=code,
        )

    def encode(self) -> bytes:
        """The envelope as JSON."""
        return msgspec.json.encode(ErrorEnvelope(self.body))


def clipped(text: str, length: int = MAX_VALUE_LENGTH) -> str:
    """The beginning of a text that may be long."""
    return text if len(text) <= length else text[:length] + "..."


def invalid_value(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the request can be read but not be done. The message names the field too."""
    if param and param not in message:
        message = f"Invalid value for '{param}': {message}"
    return ApiError(400, message, param=param, code=code)


def model_not_found(name: str, served: Sequence[str]) -> ApiError:
    """404: the request names another model than those served."""
    return ApiError(
        404,
        f"The model `{clipped(name)}` does not exist. This server serves "
        + ", ".join(f"`{each}`" for each in served),
        param="model",
        code="model_not_found",
    )


_DOES = {
    PipelineTask.TEXT_GENERATION: "generates text: use /v1/chat/completions or /v1/completions",
    PipelineTask.EMBEDDINGS_GENERATION: "makes embeddings of texts: use /v1/embeddings",
}


def wrong_task(name: str, does: PipelineTask, asked: PipelineTask) -> ApiError:
    """400: the model does something else."""
    return ApiError(
        400,
        f"The model `{name}` has the task {does}, not {asked}. It {_DOES[does]}",
        param="model",
        code="unsupported_task",
    )


def context_length_exceeded(
    limit: int, prompt: int, completion: int | None, where: str, *, is_more: bool = False
) -> ApiError:
    """400 in OpenAI's wording.

    Args:
        limit: Tokens that prompt and completion may have together.
        prompt: Tokens of the prompt.
        completion: The `max_tokens` that were asked for, if any.
        where: The field that holds the prompt, "messages" or "prompt".
        is_more: The prompt has more tokens than `prompt`: nobody counted on.
    """
    start = f"This model's maximum context length is {limit} tokens. However, "
    if completion is None or prompt >= limit:
        number = f"more than {prompt}" if is_more else str(prompt)
        detail = (
            f"your {where} resulted in {number} tokens. Please reduce the length of the {where}."
        )
    else:
        detail = (
            f"you requested {prompt + completion} tokens ({prompt} in the {where},"
            f" {completion} in the completion)."
            f" Please reduce the length of the {where} or completion."
        )
    return ApiError(400, start + detail, param=where, code="context_length_exceeded")


def unauthorized(was_given: bool) -> ApiError:
    """401; the message does not repeat what was given.

    Args:
        was_given: Whether the request had an `Authorization` header.
    """
    found = "is not one of the server's API keys" if was_given else "is missing"
    return ApiError(
        401,
        f"The header `Authorization: Bearer YOUR_KEY` {found}. The server's keys are set with"
        " --api-key and --api-keys-file",
        code="invalid_api_key",
    )


def forbidden(path: str) -> ApiError:
    """403: the key is good, but not for this."""
    return ApiError(
        403,
        f"{path} concerns everybody who uses this server, and asks for a key of an admin's"
        " (--admin-api-key, or `admin` in --api-keys-file)",
        code="admin_key_needed",
    )


def body_too_large(limit: int) -> ApiError:
    """413."""
    return ApiError(
        413,
        f"The request body is larger than {limit} bytes. The server's limit is set with"
        " --max-request-bytes",
        code="request_too_large",
    )


def too_many_values(limit: int) -> ApiError:
    """400: a body that would take long to validate."""
    return ApiError(
        400,
        f"The request body has more than {limit} values, of which an object or a list counts"
        f" {CONTAINER_WEIGHT} and a key {KEY_WEIGHT}. The server's limit is set with"
        " --max-request-values",
        code="too_many_values",
    )


def answer_too_large(limit: int) -> ApiError:
    """400: the answer would take more memory than a request may have."""
    return ApiError(
        400,
        f"The answer would be larger than about {limit} bytes. Ask for fewer choices, tokens or log"
        " probabilities, or with `stream`. The server's limit is set with --max-answer-bytes",
        code="answer_too_large",
    )


def error_response(error: ApiError) -> Response:
    """The answer for an error that was raised before any other answer began."""
    current_record().error_code = error.body.code or error.body.type
    headers = dict(HEADERS_OF_STATUS.get(error.status, {}))
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    return Response(
        error.encode(), status_code=error.status, media_type="application/json", headers=headers
    )


async def handle_api_error(request: Request, error: Exception) -> Response:
    """Starlette handler for `ApiError`."""
    assert isinstance(error, ApiError), "registered for ApiError only"
    return error_response(error)


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Starlette handler for its own 404 and 405, and for OPTIONS, which routes do not know."""
    assert isinstance(error, HTTPException), "registered for HTTPException only"
    # Not request.url: it is made from the Host header, and that can be anything.
    method, path = request.method, request.scope["path"]
    if error.status_code == 405 and method == "OPTIONS":
        return Response(status_code=204, headers=error.headers)
    if error.status_code == 404:
        api_error = ApiError(
            404,
            f"Unknown request URL: {method} {clipped(path)}. Please check the URL for typos",
            code="unknown_url",
        )
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        api_error = ApiError(
            405,
            f"Not allowed to {method} on {clipped(path)}. Allowed: {allowed}",
            code="method_not_supported",
        )
    else:
        api_error = ApiError(error.status_code, str(error.detail))
    response = error_response(api_error)
    response.headers.update(error.headers or {})
    return response


async def handle_unexpected(request: Request, error: Exception) -> Response:
    """Starlette handler for everything else; the server's log has the traceback."""
    return error_response(unexpected())


def unexpected() -> ApiError:
    """500: a bug."""
    return ApiError(
        500,
        "The server had an error while processing the request; its log has the details",
        type=SERVER_ERROR,
    )
