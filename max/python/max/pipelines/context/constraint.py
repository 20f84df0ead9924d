"""What an answer may consist of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """What an answer may consist of; plain data that travels with the request.

    Attributes:
        grammar: Every answer is a sentence of it, in the form of `LLMatcher`'s grammars.
    """

    grammar: str
