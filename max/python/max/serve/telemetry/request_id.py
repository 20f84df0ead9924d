"""The id that names a request in answers, in both processes' logs and in traces."""

from __future__ import annotations

import re
from uuid import uuid4

HEADER = "x-request-id"
# What may stand in a header, a log line and a file name without being quoted.
_ALLOWED = re.compile(r"[A-Za-z0-9._~:@+=-]{1,128}")


def accepted_request_id(given: str | None) -> str:
    """The client's id if there is one that is safe to repeat, else a fresh one.

    Args:
        given: The value of the `x-request-id` header: 1 to 128 letters, digits or `._~:@+=-`.
    """
    if given is not None and _ALLOWED.fullmatch(given):
        return given
    return uuid4().hex
