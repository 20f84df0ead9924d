"""Why the scheduler refuses a request."""

from __future__ import annotations

from max.pipelines.context import InputError


class RequestTooLargeError(InputError):
    """A request could never run to its end, even alone.

    Attributes:
        request_id: the request.
        num_tokens: tokens that it may grow to.
        max_tokens: tokens that one request may have here.
    """

    def __init__(self, request_id: str, num_tokens: int, max_tokens: int, limit: str) -> None:
        self.request_id = request_id
        self.num_tokens = num_tokens
        self.max_tokens = max_tokens
        super().__init__(
            f"request '{request_id}' may grow to {num_tokens} tokens (prompt and answer), but one "
            f"request can have at most {max_tokens} here: {limit}. Send a shorter prompt or a "
            "smaller max_tokens, or start the server with a larger --max-length or "
            "--device-memory-utilization.",
            code="context_length_exceeded",
        )
