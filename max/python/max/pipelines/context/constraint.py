"""What an answer may consist of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

# A special token by its id, or any other text.
Tag: TypeAlias = int | str


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """What an answer may consist of; plain data that travels with the request.

    Attributes:
        grammar: What comes is a sentence of it, in the form of `LLMatcher`'s grammars; None is any
            text.
        begins_after: It comes after all of these tags, in their order; before, anything may.
        opening: The answer may begin with this token instead; only then are the tags awaited.
        is_required: The answer may not end before the grammar begins.
        budget: After so many tokens, the first of the tags is written if it has not come.
    """

    grammar: str | None = None
    begins_after: tuple[Tag, ...] = ()
    opening: Tag | None = None
    is_required: bool = True
    budget: int | None = None
