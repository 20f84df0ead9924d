"""Errors that are the server's, not the request's: busy, starting, stopping, broken."""

from __future__ import annotations

from max.serve.errors import SERVER_ERROR, ApiError


def not_ready(phase: str) -> ApiError:
    """503 while the model loads."""
    return ApiError(
        503,
        f"The model is not ready yet ({phase}). Try again later; GET /health tells when it is",
        type=SERVER_ERROR,
        code="model_not_ready",
        retry_after=1,
    )


def shutting_down() -> ApiError:
    """503 while the server finishes its last requests."""
    return ApiError(
        503,
        "The server is shutting down and takes no more requests",
        type=SERVER_ERROR,
        code="shutting_down",
        retry_after=1,
    )


def worker_unstable(problem: str, seconds: int) -> ApiError:
    """503 while the worker is down and was so too often lately."""
    return ApiError(
        503,
        f"The model is not running: {problem}. The server's log has the details",
        type=SERVER_ERROR,
        code="worker_unstable",
        retry_after=seconds,
    )


def queue_full(in_flight: int, max_queue_size: int, seconds: int) -> ApiError:
    """429 with the seconds after which there should be room."""
    return ApiError(
        429,
        f"Too many requests: {in_flight} are running or waiting already, and the queue of this"
        f" server holds {max_queue_size} (--max-queue-size). Try again in {seconds} s",
        type="rate_limit_error",
        code="queue_full",
        retry_after=seconds,
    )


def answers_too_large(most: int) -> ApiError:
    """503 for the largest answer where all together take too much until they are sent."""
    return ApiError(
        503,
        f"Answers take more than {most} bytes until they are sent (--max-leaving-bytes), and this"
        " is the largest. Ask for fewer tokens with log probabilities, or read a stream of them"
        " faster, or try again when it is less busy",
        type=SERVER_ERROR,
        code="answers_too_large",
        retry_after=1,
    )


def request_timed_out(seconds: float) -> ApiError:
    """504 for a request that took longer than the server allows."""
    return ApiError(
        504,
        f"The request was not finished within {seconds:g} s, which this server allows"
        " (--request-timeout). Ask for fewer tokens, or try again when it is less busy",
        type=SERVER_ERROR,
        code="request_timeout",
    )


def engine_failed(reason: str, request_id: str) -> ApiError:
    """500 for a request that the worker cannot run."""
    return ApiError(
        500,
        f"The model could not finish this request ({request_id}): {reason}",
        type=SERVER_ERROR,
        code="engine_error",
    )
