"""Token counts of a request."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True):
    """Exact counts: each prompt once, the tokens of all its choices, stop tokens included."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
