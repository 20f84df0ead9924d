"""What all chunks of one answer have in common."""

from __future__ import annotations

import time
from typing import NamedTuple, Self
from uuid import uuid4


class AnswerIdentity(NamedTuple):
    """Id, time and model of an answer."""

    id: str
    created: int
    model: str

    @classmethod
    def new(cls, prefix: str, model: str) -> Self:
        """A fresh identity, its id beginning with `prefix`."""
        return cls(f"{prefix}-{uuid4().hex}", int(time.time()), model)
