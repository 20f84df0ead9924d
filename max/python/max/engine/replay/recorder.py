"""Records a segment for inputs of given shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import fx
from torch.utils._pytree import tree_iter

from max.engine.replay.arena import Arena
from max.engine.replay.profile import OpLabel, weight_label
from max.engine.replay.segments import Segment, kernel_of, native_call
from max.kernels.recording import KernelCall


class RecordedSegment(NamedTuple):
    """The calls of a segment and what they leave behind."""

    calls: Sequence[KernelCall]
    labels: Sequence[OpLabel]
    outputs: tuple[torch.Tensor, ...]


def record_segment(
    segment: Segment,
    inputs: Mapping[fx.Node, torch.Tensor],
    constants: Mapping[fx.Node, torch.Tensor],
    arena: Arena,
    outputs: Arena,
) -> RecordedSegment | None:
    """Records what a segment computes from tensors, by their addresses.

    Args:
        segment: of a graph.
        inputs: the segment's inputs that are not constants.
        constants: the weights and constants among them.
        arena: where its intermediate tensors go.
        outputs: where its outputs go, which outlive the run.

    Returns:
        None if a kernel does not take its operands.
    """
    return _Recorder(segment, inputs, constants, arena, outputs).record()


class _Recorder:
    def __init__(
        self,
        segment: Segment,
        inputs: Mapping[fx.Node, torch.Tensor],
        constants: Mapping[fx.Node, torch.Tensor],
        arena: Arena,
        outputs: Arena,
    ) -> None:
        self._segment = segment
        self._constants = constants
        self._arena = arena
        self._outputs = outputs
        self._values: dict[fx.Node, Any] = {**constants, **inputs}
        self._kept = {_whole(node) for node in segment.outputs}
        self._last_use = {used: node for node in segment.nodes for used in node.all_input_nodes}
        self._calls: list[KernelCall] = []
        self._labels: list[OpLabel] = []

    def record(self) -> RecordedSegment | None:
        self._arena.start()
        self._outputs.start()
        for node in self._segment.nodes:
            if kernel_of(node) is None:
                whole, index = node.args
                self._values[node] = self._values[whole][index]  # type: ignore[index]
            elif not self._record_kernel(node):
                return None
            for used in node.all_input_nodes:
                if self._last_use[used] is node:
                    self._release(used)
        outputs = tuple(self._values[node] for node in self._segment.outputs)
        return RecordedSegment(self._calls, self._labels, outputs)

    def _record_kernel(self, node: fx.Node) -> bool:
        taken: list[torch.Tensor] = []

        def empty(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
            arena = self._outputs if node in self._kept else self._arena
            tensor = arena.take(shape, dtype)
            taken.append(tensor)
            return tensor

        record, call = kernel_of(node), native_call(node)
        assert record is not None and call is not None
        arguments = fx.map_arg(call.args, self._values.__getitem__)
        recording = record(empty, *arguments)
        if recording is None:
            return False
        self._values[node] = recording.result
        self._calls.append(recording.call)
        nbytes = recording.nbytes
        if nbytes is None:
            nbytes = _nbytes(arguments) + _nbytes(recording.result)
        weights = [used.name for used in node.all_input_nodes if used in self._constants]
        self._labels.append(OpLabel(_op_name(node), weight_label(weights), nbytes))
        results = recording.result if isinstance(recording.result, list) else [recording.result]
        for tensor in taken:
            if not any(tensor is result for result in results):
                self._arena.release(tensor)  # Scratch memory of this call.
        return True

    def _release(self, node: fx.Node) -> None:
        """Gives back the memory of a value that nobody reads any more; lists by their parts."""
        value = self._values[node]
        if isinstance(value, torch.Tensor):
            self._arena.release(value)


def _whole(node: fx.Node) -> fx.Node:
    """The kernel's node that an output is a result of."""
    if kernel_of(node) is not None:
        return node
    whole = node.args[0]
    assert isinstance(whole, fx.Node)
    return whole


def _op_name(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target)).partition(".")[0]


def _nbytes(values: Any) -> int:
    """Bytes of all tensors in nested lists."""
    return sum(leaf.nbytes for leaf in tree_iter(values) if isinstance(leaf, torch.Tensor))
