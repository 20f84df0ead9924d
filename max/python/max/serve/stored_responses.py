"""Responses that another request may go on from, in memory and up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from max.serve.errors import ApiError

MOST_RESPONSES = 1000
MOST_CHARACTERS = 1 << 26


class StoredResponses:
    """Conversations by the response that ends them; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._conversations: OrderedDict[str, Sequence[dict[str, Any]]] = OrderedDict()
        self._sizes: dict[str, int] = {}

    def put(self, id: str, messages: Sequence[dict[str, Any]]) -> None:
        """Keeps the messages of a conversation, the response's included."""
        self._conversations[id] = messages
        self._sizes[id] = sum(len(str(message)) for message in messages)
        while self._conversations and (
            len(self._conversations) > MOST_RESPONSES or sum(self._sizes.values()) > MOST_CHARACTERS
        ):
            oldest, _ = self._conversations.popitem(last=False)
            del self._sizes[oldest]

    def get(self, id: str) -> Sequence[dict[str, Any]]:
        """The messages of a conversation.

        Raises:
            ApiError: 404 for a response that is not kept.
        """
        if id not in self._conversations:
            raise ApiError(
                404,
                f"Previous response with id '{id}' not found: the last {MOST_RESPONSES} responses"
                " of this server are kept, unless store is false",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return self._conversations[id]
