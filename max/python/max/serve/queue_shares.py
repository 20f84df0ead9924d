"""Who may still join the queue, when it is full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from max.serve.clients import Client

# Of the queue's places, a call of many choices takes one part of so many at most.
_PARTS_OF_A_CALL = 8


class QueueShares:
    """Counts who has what in a server's queue.

    Each call may come as a whole, however many requests it is; most of them wait for each other,
    not for a place in the queue. When the queue is full, a client that has less than its share of
    the places may join all the same.

    Args:
        size: Places of the queue, beyond those where requests run.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._calls: dict[str, Counter[int]] = {}
        self._weights: dict[str, float] = {}

    def add(self, client: Client, call: int, requests: int) -> None:
        """A call joins."""
        self._calls.setdefault(client.name, Counter())[call] += requests
        self._weights[client.name] = client.weight

    def remove(self, client: str, call: int) -> None:
        """A request of a call is done."""
        calls = self._calls[client]
        calls[call] -= 1
        if not calls[call]:
            del calls[call]
        if not calls:
            del self._calls[client], self._weights[client]

    def is_full_for(self, client: Client, running: int) -> bool:
        """Whether a call of this client has to come again later.

        Args:
            client: Whose.
            running: How many requests run at once.
        """
        if self._taken(self._calls, running) - running < self._size:
            return False
        weights = self._weights | {client.name: client.weight}
        share = (self._size + running) * client.weight / sum(weights.values())
        return len(weights) == 1 or self._taken([client.name], running) >= share

    def _taken(self, clients: Iterable[str], running: int) -> int:
        most = running + max(1, self._size // _PARTS_OF_A_CALL)
        calls = (self._calls.get(client, Counter()) for client in clients)
        return sum(min(requests, most) for each in calls for requests in each.values())
