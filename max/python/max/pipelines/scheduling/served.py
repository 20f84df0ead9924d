"""Tokens that clients have had while somebody waits: a virtual-token counter.

As in Sheng et al., "Fairness in Serving Large Language Models" (OSDI 2024), but that a token counts
the same in a prompt and in an answer: a step takes about as long as it has tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

# Clients that are remembered; beyond that, those that wait for nothing are forgotten.
_MOST_CLIENTS = 10_000


class ServedTokens:
    """What each client has had for its weight, so that who had least comes next.

    It is counted while somebody waits: what is used while nobody wants it takes nothing from
    anybody. Who begins to wait is not owed what it did not ask for: it counts as having had what
    the least served of the others has, and no less than an equal share of all that was served, so
    that nobody waits for ever, however many newcomers there are.
    """

    def __init__(self) -> None:
        self._served: dict[str, float] = {}
        self._waiting: set[str] = set()
        self._equal_share = 0.0

    def of(self, client: str) -> float:
        """The tokens of a client for its weight; those of requests that have ended."""
        return self._served.get(client, self._equal_share)

    def begins_to_wait(self, client: str) -> None:
        """A client has a first request that waits."""
        if not self._waiting:
            self._served.clear()
            self._equal_share = 0.0
        elif len(self._served) > _MOST_CLIENTS:
            self._served = {name: self._served[name] for name in self._waiting}
        waiting = map(self._served.__getitem__, self._waiting)
        least = min(waiting, default=self._equal_share)
        self._served[client] = max(self.of(client), least, self._equal_share)
        self._waiting.add(client)

    def waits_no_more(self, client: str) -> None:
        """A client has no request any more that waits."""
        self._waiting.remove(client)

    def add(self, client: str, tokens: int, weights: Mapping[str, float]) -> None:
        """A client's request has ended.

        Args:
            client: Whose.
            tokens: How many were computed for it.
            weights: Of each client that waits or runs, this one included.
        """
        if self._waiting:
            self._served[client] = self.of(client) + tokens / weights[client]
            self._equal_share += tokens / sum(weights.values())
