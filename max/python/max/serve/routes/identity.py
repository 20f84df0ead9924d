"""What all chunks of one answer have in common."""

from __future__ import annotations

import time
from typing import NamedTuple, Self

from max.serve.telemetry.request_record import current_record


class AnswerIdentity(NamedTuple):
    """Id, time and model of an answer."""

    id: str
    created: int
    model: str

    @classmethod
    def new(cls, prefix: str, model: str) -> Self:
        """A fresh identity; its id is `prefix` and the id of the request."""
        return cls(f"{prefix}-{current_record().request_id}", int(time.time()), model)
