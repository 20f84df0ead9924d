"""Whether a request still generates, and why it ended."""

from __future__ import annotations

from enum import StrEnum


class GenerationStatus(StrEnum):
    """The state of a request's generation."""

    ACTIVE = "active"
    END_OF_SEQUENCE = "end_of_sequence"
    MAXIMUM_LENGTH = "maximum_length"
    CANCELLED = "cancelled"

    @property
    def is_done(self) -> bool:
        """Whether no further token will come."""
        return self is not GenerationStatus.ACTIVE
