"""Responses that another request may go on from, in memory and up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

from max.serve.errors import ApiError

MOST_RESPONSES = 1000
MOST_CHARACTERS = 1 << 24


class StoredResponses:
    """Conversations by the response that ends them.

    An owner finds only its own: the name of an API key, or nothing where there are no keys. When
    there is too much, the oldest of the owner that has most are forgotten.
    """

    def __init__(self) -> None:
        self._of_owners: dict[str | None, _Kept] = {}

    def put(self, owner: str | None, id: str, messages: Sequence[dict[str, Any]]) -> None:
        """Keeps the messages of a conversation, the response's included."""
        size = sum(len(str(message)) for message in messages)
        self._of_owners.setdefault(owner, _Kept()).add(id, messages, size)
        while self._has_too_much():
            largest = max(self._of_owners, key=lambda each: self._of_owners[each].share)
            self._of_owners[largest].drop_oldest()
            if not self._of_owners[largest].conversations:
                del self._of_owners[largest]

    def _has_too_much(self) -> bool:
        kept = self._of_owners.values()
        count = sum(len(each.conversations) for each in kept)
        return count > MOST_RESPONSES or sum(each.characters for each in kept) > MOST_CHARACTERS

    def get(self, owner: str | None, id: str) -> Sequence[dict[str, Any]]:
        """The messages of a conversation.

        Raises:
            ApiError: 404 for a response that is not kept.
        """
        kept = self._of_owners.get(owner)
        if kept is None or id not in kept.conversations:
            raise ApiError(
                404,
                f"Previous response with id '{id}' not found: the last {MOST_RESPONSES} responses"
                " of this server are kept, unless store is false",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return kept.conversations[id].messages


class _Conversation(NamedTuple):
    messages: Sequence[dict[str, Any]]
    characters: int


class _Kept:
    """What one owner has, oldest first."""

    def __init__(self) -> None:
        self.conversations: OrderedDict[str, _Conversation] = OrderedDict()
        self.characters = 0

    @property
    def share(self) -> float:
        """How much of what all may have, by what it has more of."""
        return max(len(self.conversations) / MOST_RESPONSES, self.characters / MOST_CHARACTERS)

    def add(self, id: str, messages: Sequence[dict[str, Any]], characters: int) -> None:
        self.conversations[id] = _Conversation(messages, characters)
        self.characters += characters

    def drop_oldest(self) -> None:
        _, dropped = self.conversations.popitem(last=False)
        self.characters -= dropped.characters
