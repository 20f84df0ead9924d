"""Slots of adapters are taken and given back along with places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from max.pipelines.context import InputError, TextContext
from max.pipelines.scheduling import Scheduler, SchedulerConfig
from tests.pipelines.scheduling.fake_model import make_context, make_manager
from tests.pipelines.scheduling.stepped_server import PROMPT, Server


class OneSlot:
    """A slot that requests of one adapter share; only "x" and "y" are known."""

    def __init__(self) -> None:
        self.holders: list[TextContext] = []

    def check(self, ctx: TextContext) -> None:
        if ctx.adapter not in (None, "x", "y"):
            raise InputError(f"{ctx.adapter} is not loaded")

    def beginnable(self, waiting: Iterable[TextContext]) -> Iterator[TextContext]:
        for ctx in waiting:
            if all(ctx.adapter in (None, other.adapter) for other in self.holders):
                yield ctx

    def take(self, ctx: TextContext) -> None:
        if ctx.adapter is not None:
            self.holders.append(ctx)

    def release(self, ctx: TextContext) -> None:
        self.holders = [other for other in self.holders if other is not ctx]


class AdaptedServer(Server):
    """A server of a model with one slot."""

    def reconfigure(self, config: SchedulerConfig) -> None:
        super().reconfigure(config)
        self.slots = OneSlot()
        self.scheduler = Scheduler(config, self.manager, self.slots)

    def ask(self, name: str, adapter: str | None) -> TextContext:
        ctx = make_context(PROMPT, 16, name)
        ctx.adapter = adapter
        self.scheduler.add(ctx)
        return ctx

    @property
    def holders(self) -> list[str]:
        return [str(ctx.request_id) for ctx in self.slots.holders]


def test_who_finds_no_slot_is_passed_over_until_one_is_free() -> None:
    server = AdaptedServer()
    for name, adapter in (("a", "x"), ("b", "y"), ("c", "x"), ("d", None)):
        server.ask(name, adapter)
    assert list(server.step()) == ["a", "c", "d"]
    assert server.holders == ["a", "c"]
    while "b" not in server.step():
        pass
    assert server.holders == ["b"]
    while server.scheduler.has_work:
        server.step()
    assert server.holders == []


def test_who_is_cancelled_gives_its_slot_back() -> None:
    server = AdaptedServer()
    first = server.ask("a", "x")
    server.ask("b", "y")
    server.step()
    assert server.scheduler.cancel(first.request_id)
    assert list(server.step()) == ["b"]
    assert server.holders == ["b"]


def test_who_is_preempted_gives_its_slot_back() -> None:
    server = AdaptedServer(make_manager(6))
    server.ask("a", "x")
    server.ask("b", "x")
    while not server.scheduler.num_preemptions:
        server.step()
    assert server.holders == ["a"]


def test_adapter_that_is_not_known_is_refused() -> None:
    server = AdaptedServer()
    with pytest.raises(InputError, match="z is not loaded"):
        server.ask("a", "z")
    assert not server.scheduler.has_work
