"""Requests that wait for a place, and whose turn it is.

A place goes to the client that has had the fewest tokens for its weight, those included that its
running requests need; of that client to the group that has the fewest places, and there to the
oldest. So a client, or a call, that asks for a lot waits for itself. Where all have the same, it is
the order of arrival.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from max.pipelines.scheduling.served import ServedTokens
from max.pipelines.scheduling.shares import Shares, group_of

if TYPE_CHECKING:
    from max.pipelines.context import TextContext
    from max.pipelines.modeling.types import RequestID


class WaitingRequests:
    """The requests that wait, found by their ids, taken by `next_in_turn`.

    Attributes:
        served: What clients had while somebody waited.
        weights: Of the clients that wait.
        all: The requests by their ids.
    """

    def __init__(self) -> None:
        self.served = ServedTokens()
        self.weights: dict[str, float] = {}
        self.all: dict[RequestID, TextContext] = {}
        self._clients: dict[str, OrderedDict[str, OrderedDict[RequestID, TextContext]]] = {}

    def __len__(self) -> int:
        return len(self.all)

    def __contains__(self, request_id: object) -> bool:
        return request_id in self.all

    def add(self, ctx: TextContext) -> None:
        """Puts a request behind those of its group."""
        if ctx.client not in self._clients:
            self._clients[ctx.client] = OrderedDict()
            self.served.begins_to_wait(ctx.client)
        self.weights[ctx.client] = ctx.client_weight
        self.all[ctx.request_id] = ctx
        groups = self._clients[ctx.client]
        groups.setdefault(group_of(ctx), OrderedDict())[ctx.request_id] = ctx

    def add_first(self, ctx: TextContext) -> None:
        """Puts a request before all of its client: it was running already."""
        self.add(ctx)
        groups = self._clients[ctx.client]
        groups.move_to_end(group_of(ctx), last=False)
        groups[group_of(ctx)].move_to_end(ctx.request_id, last=False)

    def pop(self, request_id: RequestID) -> TextContext | None:
        """Takes a request out; None if it is not there."""
        ctx = self.all.pop(request_id, None)
        if ctx is not None:
            groups = self._clients[ctx.client]
            group = groups[group_of(ctx)]
            del group[request_id]
            if not group:
                del groups[group_of(ctx)]
            if not groups:
                del self._clients[ctx.client], self.weights[ctx.client]
                self.served.waits_no_more(ctx.client)
        return ctx

    def next_in_turn(
        self, shares: Shares, passed_over: Container[RequestID] = ()
    ) -> TextContext | None:
        """The request that should get the next place.

        Args:
            shares: What everybody has.
            passed_over: Requests that cannot take it.
        """
        for client in sorted(self._clients, key=shares.used):
            groups, taken = self._clients[client], partial(shares.places_of, client)
            # Those without a place come first, in order: usually the very first is one.
            for group in chain(
                (group for group in groups if not taken(group)),
                sorted(filter(taken, groups), key=taken),
            ):
                for request_id, ctx in groups[group].items():
                    if request_id not in passed_over:
                        return ctx
        return None
