"""Failures of the Hugging Face Hub that may be gone a minute later."""

from __future__ import annotations

# Exit status for "try again later" (EX_TEMPFAIL of sysexits.h).
EXIT_FLAKE = 75


def is_hub_flake(error: BaseException) -> bool:
    """Whether an error, or one of its causes, is a lost connection or an overloaded Hub."""
    from httpx2 import TransportError
    from huggingface_hub.errors import HfHubHTTPError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TransportError):
            return True
        if isinstance(cause, HfHubHTTPError) and _is_passing(cause.response.status_code):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _is_passing(status_code: int) -> bool:
    return status_code == 429 or status_code >= 500
