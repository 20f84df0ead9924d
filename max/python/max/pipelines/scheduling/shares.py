"""What clients and calls have: places in the batch, and tokens.

client        who pays: a key, an address; has a weight
  group       what was asked for at once: the choices and prompts of one call
    request   in order of arrival
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from max.pipelines.context import TextContext
    from max.pipelines.scheduling.served import ServedTokens


def group_of(ctx: TextContext) -> str:
    """The call that a request belongs to: `call.3` is one of a call's requests."""
    return ctx.request_id.rpartition(".")[0] or ctx.request_id


def tokens_of(ctx: TextContext) -> int:
    """How many tokens have to be computed for a request: all that it did not find in the cache."""
    return len(ctx.tokens) - (ctx.cached_tokens or 0)


@dataclass
class _Client:
    """What a client's running requests have, in the order in which they began.

    Attributes:
        weight: How much of everything is the client's, beside others'.
        places: How many run.
        tokens: What is computed for them, also what is yet to be.
        groups: The requests by group.
    """

    weight: float
    places: int = 0
    tokens: int = 0
    groups: dict[str, list[TextContext]] = field(default_factory=dict)

    def share(self, more: int = 0) -> float:
        """Its places, and so many more, for its weight."""
        return (self.places + more) / self.weight

    def largest_group(self) -> list[TextContext]:
        """The group that has most places, of equal ones the one that began last."""
        return max(reversed(self.groups.values()), key=len)


class Shares:
    """Who has what at a moment.

    Args:
        served: What clients had before.
        running: The requests that have a place, oldest first.
    """

    def __init__(self, served: ServedTokens, running: Iterable[TextContext]) -> None:
        self._served = served
        self._clients: dict[str, _Client] = {}
        for ctx in running:
            self.add(ctx)

    def add(self, ctx: TextContext) -> None:
        """A request gets a place."""
        client = self._clients.setdefault(ctx.client, _Client(ctx.client_weight))
        client.places += 1
        client.tokens += tokens_of(ctx)
        client.groups.setdefault(group_of(ctx), []).append(ctx)

    def remove(self, ctx: TextContext) -> None:
        """A request has given its place back."""
        client, group = self._clients[ctx.client], group_of(ctx)
        client.places -= 1
        client.tokens -= tokens_of(ctx)
        client.groups[group].remove(ctx)
        if not client.groups[group]:
            del client.groups[group]
        if not client.places:
            del self._clients[ctx.client]

    def places_of(self, client: str, group: str) -> int:
        """How many places a client's group has."""
        found = self._clients.get(client)
        return 0 if found is None else len(found.groups.get(group, ()))

    def used(self, client: str) -> float:
        """The tokens that a client has had and that its running requests need, for its weight."""
        found = self._clients.get(client)
        return self._served.of(client) + (0 if found is None else found.tokens / found.weight)

    def who_yields_to(self, ctx: TextContext) -> TextContext | None:
        """The running request that should give its place to a waiting one, if one should.

        Only a group that has no place at all takes one: of the client that has most, if that still
        has no less then, or of a group of its own client that has several.
        """
        if self.places_of(ctx.client, group_of(ctx)) or not self._clients:
            return None
        own = self._clients.get(ctx.client) or _Client(ctx.client_weight)
        richest = max(self._clients.values(), key=_Client.share)
        if richest is not own and richest.share(-1) >= own.share(1):
            return richest.largest_group()[-1]
        if not own.groups:
            return None
        largest = own.largest_group()
        return largest[-1] if len(largest) > 1 else None

    def is_owed_the_place(self, ctx: TextContext, other: TextContext) -> bool:
        """Whether a waiting request's client has had no more than a running one's without that."""
        if ctx.client == other.client:
            return True
        without = self.used(other.client) - tokens_of(other) / other.client_weight
        return self.used(ctx.client) <= without
