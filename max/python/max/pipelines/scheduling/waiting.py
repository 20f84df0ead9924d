"""Requests that wait for a place, and whose turn it is.

    client        who pays: a key, an address; has a weight
      group       what was asked for at once: the choices and prompts of one call
        request   in order of arrival

A place goes to the client that has the fewest for its weight, of that client to the group that has
the fewest, and there to the oldest. So a client, or a call, that asks for a lot waits for itself.
Where all have the same, which is so while each call is one request, it is the order of arrival.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from max.pipelines.context import TextContext
    from max.pipelines.modeling.types import RequestID


def group_of(ctx: TextContext) -> str:
    """The call that a request belongs to: `call.3` is one of a call's requests."""
    return ctx.request_id.rpartition(".")[0] or ctx.request_id


@dataclass
class Places:
    """Who has how many places.

    Attributes:
        of_client: by client.
        of_group: by group.
        groups: the client of each group.
        weights: how much each client's places are worth.
    """

    of_client: Counter[str] = field(default_factory=Counter)
    of_group: Counter[str] = field(default_factory=Counter)
    groups: dict[str, str] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, running: Iterable[TextContext]) -> Places:
        """Those that running requests have."""
        places = cls()
        for ctx in running:
            places.add(ctx)
        return places

    def add(self, ctx: TextContext) -> None:
        """A request gets one."""
        self.of_client[ctx.client] += 1
        group = group_of(ctx)
        self.of_group[group] += 1
        self.groups[group] = ctx.client
        self.weights[ctx.client] = ctx.client_weight

    def remove(self, ctx: TextContext) -> None:
        """A request has given its own back."""
        self.of_client[ctx.client] -= 1
        self.of_group[group_of(ctx)] -= 1

    def share(self, client: str, more: int = 0) -> float:
        """A client's places, and so many more, for its weight."""
        return (self.of_client[client] + more) / self.weights.get(client, 1.0)

    def who_yields_to(self, ctx: TextContext) -> str | None:
        """The group of which a request should give its place to a waiting one, if one should.

        Only a group that has no place at all takes one: of the client that has most, if that still
        has no less then, or of a group of its own client that has several.
        """
        group = group_of(ctx)
        if self.of_group[group] or not self.of_client:
            return None
        self.weights[ctx.client] = ctx.client_weight
        richest = max(self.of_client, key=self.share)
        if richest != ctx.client and self.share(richest, -1) >= self.share(ctx.client, 1):
            return self._largest_group(richest)
        own = self._largest_group(ctx.client)
        return own if own is not None and self.of_group[own] > 1 else None

    def _largest_group(self, client: str) -> str | None:
        groups = [group for group, its_client in self.groups.items() if its_client == client]
        return max(groups, key=self.of_group.__getitem__, default=None)


class WaitingRequests:
    """The requests that wait, found by their ids, taken by `next_in_turn`."""

    def __init__(self) -> None:
        self._all: dict[RequestID, TextContext] = {}
        self._clients: dict[str, OrderedDict[str, OrderedDict[RequestID, TextContext]]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._all

    def add(self, ctx: TextContext) -> None:
        """Puts a request behind those of its group."""
        self._all[ctx.request_id] = ctx
        groups = self._clients.setdefault(ctx.client, OrderedDict())
        groups.setdefault(group_of(ctx), OrderedDict())[ctx.request_id] = ctx

    def add_first(self, ctx: TextContext) -> None:
        """Puts a request before all of its client: it was running already."""
        self.add(ctx)
        groups = self._clients[ctx.client]
        groups.move_to_end(group_of(ctx), last=False)
        groups[group_of(ctx)].move_to_end(ctx.request_id, last=False)

    def pop(self, request_id: RequestID) -> TextContext | None:
        """Takes a request out; None if it is not there."""
        ctx = self._all.pop(request_id, None)
        if ctx is not None:
            groups = self._clients[ctx.client]
            group = groups[group_of(ctx)]
            del group[request_id]
            if not group:
                del groups[group_of(ctx)]
            if not groups:
                del self._clients[ctx.client]
        return ctx

    def next_in_turn(
        self, places: Places, passed_over: Container[RequestID] = ()
    ) -> TextContext | None:
        """The request that should get the next place.

        Args:
            places: Those that are taken.
            passed_over: Requests that cannot take it.
        """
        for name in sorted(self._clients, key=partial(self._share, places)):
            groups, taken = self._clients[name], places.of_group.__getitem__
            # Those without a place come first, in order: usually the very first is one.
            for group in chain(
                (group for group in groups if not taken(group)),
                sorted(filter(taken, groups), key=taken),
            ):
                for request_id, ctx in groups[group].items():
                    if request_id not in passed_over:
                        return ctx
        return None

    def _share(self, places: Places, client: str) -> float:
        if client not in places.weights:
            first = next(iter(next(iter(self._clients[client].values())).values()))
            places.weights[client] = first.client_weight
        return places.share(client)
