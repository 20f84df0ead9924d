"""How the text of an answer is taken apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from max.pipelines.parsing.answer import AnswerParser


@dataclass(frozen=True)
class AnswerPlan:
    """How the text of an answer is taken apart.

    Attributes:
        make_parser: Makes what does it, for one choice; it gives None if the text is all content.
        hidden_tokens: Special tokens that are not text; None for all of them.
        only_first_call: Further calls are left out.
        calls_end_it: Calls are a reason to end of their own, unless the request names the function.
        id_prefix: What ids of calls begin with.
        id_length: How many characters follow.
    """

    make_parser: Callable[[], AnswerParser | None] = lambda: None
    hidden_tokens: frozenset[int] | None = None
    only_first_call: bool = False
    calls_end_it: bool = True
    id_prefix: str = "call_"
    id_length: int = 24

    def new_id(self) -> str:
        """An id for a call whose format has none."""
        return self.id_prefix + uuid4().hex[: self.id_length]


ALL_CONTENT = AnswerPlan()
