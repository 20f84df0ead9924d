"""Responses that another request may go on from, in memory and up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from max.serve.errors import ApiError

MOST_RESPONSES = 1000
MOST_CHARACTERS = 1 << 26

_Key = tuple[str | None, str]


class StoredResponses:
    """Conversations by the response that ends them; the oldest are forgotten first.

    An owner finds only its own: the name of an API key, or nothing where there are no keys.
    """

    def __init__(self) -> None:
        self._conversations: OrderedDict[_Key, Sequence[dict[str, Any]]] = OrderedDict()
        self._sizes: dict[_Key, int] = {}

    def put(self, owner: str | None, id: str, messages: Sequence[dict[str, Any]]) -> None:
        """Keeps the messages of a conversation, the response's included."""
        self._conversations[owner, id] = messages
        self._sizes[owner, id] = sum(len(str(message)) for message in messages)
        while self._conversations and (
            len(self._conversations) > MOST_RESPONSES or sum(self._sizes.values()) > MOST_CHARACTERS
        ):
            oldest, _ = self._conversations.popitem(last=False)
            del self._sizes[oldest]

    def get(self, owner: str | None, id: str) -> Sequence[dict[str, Any]]:
        """The messages of a conversation.

        Raises:
            ApiError: 404 for a response that is not kept.
        """
        if (owner, id) not in self._conversations:
            raise ApiError(
                404,
                f"Previous response with id '{id}' not found: the last {MOST_RESPONSES} responses"
                " of this server are kept, unless store is false",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return self._conversations[owner, id]
