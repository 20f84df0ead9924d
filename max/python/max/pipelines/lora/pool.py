"""The adapters of a process, and which of them are in the model's slots.

known      any number, in the host's memory
resident   as many as there are slots: copied into the model's tensors
held       resident, and a request that runs needs it
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from max.nn.lora import LayerSlots
from max.pipelines.context import InputError, TextContext
from max.pipelines.lora.fitting import FittedAdapter

logger = logging.getLogger("max.pipelines")


class SlotWrite(NamedTuple):
    """An adapter that comes into a slot, counted from 0."""

    slot: int
    adapter: FittedAdapter


class AdapterPool:
    """Knows adapters by their digests and shares out slots. One thread schedules with it; adapters
    may be added by another.

    Args:
        layers: the slots of the model's layers.
        num_slots: adapters that have room.

    Attributes:
        num_swaps: how often an adapter had to leave its slot for another.
    """

    def __init__(self, layers: Mapping[str, LayerSlots], num_slots: int) -> None:
        self.layers = layers
        self._known: dict[str, FittedAdapter] = {}
        # The longest unused first; what is in none of them is free.
        self._resident: OrderedDict[str, int] = OrderedDict()
        self._free = list(range(num_slots))
        self._held: Counter[str] = Counter()
        self._leaving: list[str] = []
        self._writes: list[SlotWrite] = []
        self.num_swaps = 0

    @property
    def known(self) -> Mapping[str, FittedAdapter]:
        """All adapters by their digests."""
        return self._known

    @property
    def resident(self) -> Mapping[str, int]:
        """The slots of those that have one."""
        return self._resident

    @property
    def held(self) -> Mapping[str, int]:
        """How many running requests need each."""
        return {digest: count for digest, count in self._held.items() if count}

    def add(self, adapter: FittedAdapter) -> None:
        """Makes an adapter known; nothing happens if it is."""
        self._known.setdefault(adapter.digest, adapter)

    def remove(self, digest: str) -> None:
        """Forgets an adapter that no request needs any more; nothing happens if it is not known."""
        self._known.pop(digest, None)
        slot = self._resident.pop(digest, None)
        if slot is not None:
            self._free.append(slot)

    def check(self, ctx: TextContext) -> None:
        """Whether a request's adapter is known.

        Raises:
            InputError: if not.
        """
        if ctx.adapter is not None and ctx.adapter not in self._known:
            raise InputError(f"the adapter of '{ctx.model_name}' is not loaded", param="model")

    def beginnable(self, waiting: Iterable[TextContext]) -> Iterator[TextContext]:
        """The waiting requests, oldest first, whose adapters have a slot, or can get one now.

        Who takes one calls `take` before the next is asked for. One that finds no slot is passed
        over, and from there on as many residents take no further requests as are waited for: those
        that fewest requests hold. So they become free after finitely many steps, nobody starves,
        and the others' requests go on beginning.
        """
        lacking: set[str] = set()
        for ctx in waiting:
            digest = ctx.adapter
            if digest is None:
                yield ctx
            elif digest in self._resident:
                if digest not in self._leaving_for(len(lacking)):
                    yield ctx
            elif self._has_room:
                yield ctx
            else:
                lacking.add(digest)

    def take(self, ctx: TextContext) -> None:
        """Gives a request that begins its adapter's slot, until `release`."""
        digest = ctx.adapter
        if digest is None:
            return
        if digest not in self._resident:
            self._bring_in(digest)
        self._held[digest] += 1
        self._resident.move_to_end(digest)
        ctx.adapter_slot = 1 + self._resident[digest]

    def release(self, ctx: TextContext) -> None:
        """A request ends, or pauses without its pages."""
        if ctx.adapter_slot and ctx.adapter is not None:
            self._held[ctx.adapter] -= 1
            ctx.adapter_slot = 0

    def take_writes(self) -> list[SlotWrite]:
        """What is to be copied into slots before the coming step runs, and after those before it
        did; see `write`."""
        writes, self._writes = self._writes, []
        return writes

    def write(self, writes: Sequence[SlotWrite]) -> None:
        """Copies adapters into their slots."""
        for slot, adapter in writes:
            for path, layer in self.layers.items():
                layer.write(slot, adapter.updates.get(path))

    @property
    def _has_room(self) -> bool:
        return bool(self._free) or any(not self._held[digest] for digest in self._resident)

    def _leaving_for(self, count: int) -> list[str]:
        """So many of the held residents, the same ones as long as they are needed."""
        held = [digest for digest in self._resident if self._held[digest]]
        leaving = [digest for digest in self._leaving if digest in held]
        others = sorted(set(held) - set(leaving), key=lambda each: (self._held[each], each))
        self._leaving = [*leaving, *others[: max(0, count - len(leaving))]]
        return self._leaving[:count]

    def _bring_in(self, digest: str) -> None:
        if self._free:
            slot = self._free.pop(0)
        else:
            oldest = next(each for each in self._resident if not self._held[each])
            slot = self._resident.pop(oldest)
            self.num_swaps += 1
            logger.debug("adapter %.12s leaves slot %d", oldest, slot)
        logger.debug("adapter %.12s comes into slot %d", digest, slot)
        self._resident[digest] = slot
        self._writes.append(SlotWrite(slot, self._known[digest]))

    def check_integrity(self) -> None:
        """Whether slots and residents add up.

        Raises:
            RuntimeError: if not; with both sides.
        """
        taken = sorted([*self._resident.values(), *self._free])
        if taken != list(range(len(taken))):
            raise RuntimeError(f"slots {taken} of adapters are not each one's own")
        if lost := self.held.keys() - self._resident.keys():
            raise RuntimeError(f"adapters {sorted(lost)} are held and in no slot")
