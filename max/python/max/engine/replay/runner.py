"""Runs segments by replays that are recorded when shapes are first met."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import fx

from max.engine.repeated import Repeated
from max.engine.replay.backend import Backend, Refused, Replay
from max.engine.replay.memory import Memory, RegionTooSmall
from max.engine.replay.profile import Profiler, forget_loads
from max.engine.replay.segments import Segment

# What the replays of a model may keep beside its memory: decoding batches have few shapes, and meet
# them again. A program of 16 layers takes about 200 KiB.
_MOST_BYTES = 32 << 20


class Replays:
    """The replays of a model, and the memory in which they take turns.

    Args:
        backend: records them.
        most_bytes: what they may keep; the longest unused go first.

    Attributes:
        num_cleared: how often all of them were forgotten.
    """

    def __init__(self, backend: Backend, most_bytes: int = _MOST_BYTES) -> None:
        self.memory = Memory()
        self._backend = backend
        self.most_bytes = most_bytes
        self.num_cleared = 0
        self._entries: OrderedDict[tuple[object, ...], Replay] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """What they keep beside the memory."""
        return sum(replay.nbytes for replay in self._entries.values())

    @property
    def keys(self) -> list[tuple[object, ...]]:
        """What they were added with, the longest unused first."""
        return list(self._entries)

    def find(self, key: tuple[object, ...]) -> Replay | None:
        """The replay that was added with a key."""
        replay = self._entries.get(key)
        if replay is not None:
            self._entries.move_to_end(key)
        return replay

    def add(
        self, key: tuple[object, ...], segment: Segment, inputs: Mapping[fx.Node, Any]
    ) -> Replay:
        """Records a segment.

        Raises:
            Refused: if the backend cannot hold a node.
        """
        try:
            replay = self._backend.record(segment, inputs, self.memory)
        except RegionTooSmall:
            # Not little by little: what was recorded is void each time.
            self.reserve(max(self.plan(segment, inputs).nbytes, 2 * self.memory.nbytes))
            replay = self._backend.record(segment, inputs, self.memory)
        self._entries[key] = replay
        excess = self.nbytes - self.most_bytes
        while excess > 0 and len(self._entries) > 1:
            excess -= self._entries.popitem(last=False)[1].nbytes
        return replay

    def plan(self, segment: Segment, inputs: Mapping[fx.Node, Any]) -> Plan:
        """What recording a segment would take and give, without taking it.

        Args:
            segment: of the model.
            inputs: of which nothing but shapes, strides and dtypes is read.

        Raises:
            Refused: if the backend cannot hold a node.
        """
        given = {node: _on_meta(value) for node, value in inputs.items()}
        replay = self._backend.record(segment, given, Memory.without_elements())
        return Plan(replay.memory_bytes, replay.outputs)

    def reserve(self, nbytes: int) -> None:
        """Makes the memory that large, if it is not."""
        if nbytes > self.memory.nbytes:
            self.clear()
            self.memory.grow(nbytes)

    def clear(self) -> None:
        """Forgets all replays; none that was found before may be run."""
        self._entries.clear()
        self.num_cleared += 1


class Plan(NamedTuple):
    """What a segment would take of the model's memory, and give: tensors without elements."""

    nbytes: int
    outputs: Sequence[Any]


class _Bound(NamedTuple):
    """A replay for some tensors, whatever their elements.

    Attributes:
        replay: which works on places of its own.
        copies: each brings an input to its place.
    """

    replay: Replay
    copies: Sequence[Callable[[], object]]


class SegmentRunner:
    """A segment as a function of its inputs.

    Args:
        segment: of a graph.
        replays: of the model.
        profiler: told the kernels' times while it is on.
        on_refused: told of a node that the backend refuses.
    """

    def __init__(
        self,
        segment: Segment,
        replays: Replays,
        profiler: Profiler,
        on_refused: Callable[[fx.Node], None],
    ) -> None:
        self._segment = segment
        self._replays = replays
        self._profiler = profiler
        self._on_refused = on_refused
        self._is_buffer = [node in segment.buffers for node in segment.inputs]
        self._repeated: Repeated[_Bound] = Repeated()
        self._num_cleared = replays.num_cleared

    def run_segment(self, *inputs: Any) -> tuple[Any, ...]:
        """The segment's outputs, for the caller to keep."""
        if self._num_cleared != self._replays.num_cleared:
            self._repeated.forget()
            self._num_cleared = self._replays.num_cleared
        bound = self._repeated.find(inputs)
        if bound is None:
            try:
                bound = self._bind(inputs)
            except Refused as refused:
                self._on_refused(refused.node)
                return self._run_eagerly(inputs)
            self._repeated.keep(inputs, bound)
        replay, copies = bound
        for copy in copies:
            copy()
        if self._profiler.is_on:
            forget_loads(replay.labels)
            self._profiler.add(replay.labels, replay.run_timed())
        elif self._profiler.counts_experts:
            forget_loads(replay.labels)
            replay.run()
            self._profiler.add_loads(replay.labels)
        else:
            replay.run()
        return tuple([_kept(x) if isinstance(x, torch.Tensor) else x for x in replay.outputs])

    def plan(self, *inputs: Any) -> Plan:
        """What a run would take and give.

        Raises:
            Refused: if the backend cannot hold a node.
        """
        return self._replays.plan(self._segment, self._named(inputs))

    def _bind(self, inputs: Sequence[Any]) -> _Bound:
        """The replay for inputs, and what copies them to their places.

        Raises:
            Refused: if the backend cannot hold a node.
        """
        key = (self, *map(_identity, inputs, self._is_buffer))
        replay = self._replays.find(key)
        if replay is None:
            replay = self._replays.add(key, self._segment, self._named(inputs))
            self._num_cleared = self._replays.num_cleared
        pairs = zip(replay.places, inputs, strict=True)
        return _Bound(replay, [_copy(place, given) for place, given in pairs if place is not None])

    def _named(self, inputs: Sequence[Any]) -> dict[fx.Node, Any]:
        return dict(zip(self._segment.inputs, inputs, strict=True))

    def _run_eagerly(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        values: dict[fx.Node, Any] = {**self._segment.constants, **self._named(inputs)}
        for node in self._segment.nodes:
            arguments, options = fx.map_arg((node.args, node.kwargs), values.__getitem__)
            values[node] = node.target(*arguments, **options)  # type: ignore[operator]
            for used in self._segment.last_used_by.get(node, ()):
                del values[used]
        return tuple(values[node] for node in self._segment.outputs)


def _kept(output: torch.Tensor) -> torch.Tensor:
    """A copy, which the next run leaves alone.

    On the host by this thread alone: `clone` shares all but small ones out to torch's own threads,
    which go on spinning for milliseconds and take the cores from those of the kernels.
    """
    if not (output.is_cpu and output.is_contiguous()):
        return output.clone()
    kept = torch.empty_like(output)
    ctypes.memmove(kept.data_ptr(), output.data_ptr(), output.nbytes)
    return kept


def _copy(place: torch.Tensor, given: torch.Tensor) -> Callable[[], object]:
    """What copies the elements that a tensor has then."""
    is_plain = given.is_cpu and place.is_cpu and given.dtype is place.dtype
    if not (is_plain and given.is_contiguous() and place.is_contiguous()):
        return partial(place.copy_, given)
    return partial(ctypes.memmove, place.data_ptr(), given.data_ptr(), given.nbytes)


def _identity(given: Any, is_buffer: bool) -> object:
    """What a replay depends on in an input."""
    if is_buffer:
        return (given.shape, given.stride(), given.data_ptr())
    return given.shape if isinstance(given, torch.Tensor) else given


def _on_meta(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
