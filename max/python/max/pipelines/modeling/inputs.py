"""What one step of a text pipeline works on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

ContextT = TypeVar("ContextT")


@dataclass(frozen=True)
class TextGenerationInputs(Generic[ContextT]):
    """The requests of one step.

    Attributes:
        batches: One list of contexts per data-parallel replica.
    """

    batches: list[list[ContextT]]

    @property
    def flat_batch(self) -> list[ContextT]:
        """All contexts in one list, replica after replica."""
        return list(chain.from_iterable(self.batches))
