"""Runs a segment by programs that are recorded when shapes are first met."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import fx

from max.engine.replay.arena import Arena
from max.engine.replay.profile import OpLabel, Profiler
from max.engine.replay.recorder import record_segment
from max.engine.replay.segments import Segment, written_inputs
from max.kernels.program import Program

# Programs of a segment that are kept: a decoding batch has few shapes, and meets them again.
_MOST_PROGRAMS = 64
# Inputs up to this size are copied to where the program reads them. A larger one, or one that is
# written, is used where it lies: in another place it needs another program.
_COPIED_BYTES = 1 << 18


class _Entry(NamedTuple):
    program: Program
    copied: Sequence[tuple[int, torch.Tensor]]  # position of an input, where the program reads it
    outputs: tuple[torch.Tensor, ...]
    labels: Sequence[OpLabel]
    held: object  # what the program's addresses belong to


class SegmentRunner:
    """A segment as a function of its inputs.

    Args:
        segment: of a graph.
        inputs: those of the segment's inputs that differ from call to call, in their order.
        constants: the others.
        arena: of the model.
        profiler: told the kernels' times while it is on.
    """

    def __init__(
        self,
        segment: Segment,
        inputs: Sequence[fx.Node],
        constants: Mapping[fx.Node, torch.Tensor],
        arena: Arena,
        profiler: Profiler,
    ) -> None:
        self._segment = segment
        self._inputs = list(inputs)
        written = written_inputs(segment)
        self._is_written = [node in written for node in inputs]
        self._constants = dict(constants)
        self.arena = arena
        self._outputs = Arena()
        self._profiler = profiler
        self._entries: OrderedDict[tuple[object, ...], _Entry | None] = OrderedDict()

    def run_segment(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The segment's outputs; they are overwritten by the next call."""
        key = tuple(map(_identity, inputs, self._is_written))
        if key in self._entries:
            entry = self._entries[key]
            self._entries.move_to_end(key)
        else:
            entry = self._entries[key] = self._record(inputs)
            if len(self._entries) > _MOST_PROGRAMS:
                self._entries.popitem(last=False)
        if entry is None:
            return self._run_eagerly(inputs)
        for position, place in entry.copied:
            place.copy_(inputs[position])
        if self._profiler.is_on:
            self._profiler.add(entry.labels, entry.program.run_timed())
        else:
            entry.program.run()
        return entry.outputs

    def _record(self, inputs: Sequence[torch.Tensor]) -> _Entry | None:
        places = [
            x if is_written or _is_large(x) else x.clone(memory_format=torch.contiguous_format)
            for x, is_written in zip(inputs, self._is_written, strict=True)
        ]
        given = dict(zip(self._inputs, places, strict=True))
        recorded = record_segment(self._segment, given, self._constants, self.arena, self._outputs)
        if recorded is None:
            return None
        copied = [(i, place) for i, place in enumerate(places) if place is not inputs[i]]
        held = (given, self._constants, self.arena, self._outputs)
        return _Entry(Program(recorded.calls), copied, recorded.outputs, recorded.labels, held)

    def _run_eagerly(self, inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        values: dict[fx.Node, Any] = self._constants | dict(zip(self._inputs, inputs, strict=True))
        for node in self._segment.nodes:
            target = node.target
            assert isinstance(target, Callable)  # type: ignore[arg-type]
            values[node] = target(*fx.map_arg(node.args, values.__getitem__))  # type: ignore[operator]
        return tuple(values[node] for node in self._segment.outputs)


def _is_large(tensor: torch.Tensor) -> bool:
    return tensor.nbytes > _COPIED_BYTES


def _identity(tensor: torch.Tensor, is_written: bool) -> object:
    """What a program depends on in an input."""
    if is_written or _is_large(tensor):
        return (tensor.shape, tensor.stride(), tensor.data_ptr())
    return tensor.shape
