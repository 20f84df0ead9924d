"""The backend of the host: a segment is a program of C kernels, run by one native call."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import fx

from max.engine.replay.backend import Refused
from max.engine.replay.memory import Layout, Memory
from max.engine.replay.profile import OpLabel, weight_label
from max.engine.replay.segments import Segment, base_of, is_part, is_view
from max.kernels.facts import NativeCall
from max.kernels.in_sequence import record_in_sequence
from max.kernels.program import Program
from max.kernels.recording import Empty, KernelCall, Record
from max.kernels.registry import record_of, tensors_in
from max.kernels.torch_ops import facts_of

# What Python keeps for a call beside the kernel's arguments.
_CALL_BYTES = 1024


class CpuReplay:
    """A recorded program; see `Replay`."""

    def __init__(
        self,
        places: Sequence[torch.Tensor | None],
        outputs: Sequence[Any],
        calls: Sequence[KernelCall],
        labels: Sequence[OpLabel],
        memory_bytes: int,
    ) -> None:
        self.places = places
        self.outputs = outputs
        self.labels = labels
        self.memory_bytes = memory_bytes
        self.nbytes = sum(ctypes.sizeof(call.args) + _CALL_BYTES for call in calls)
        program = Program(calls)
        self.run = program.run
        self.run_timed = program.run_timed


class _Kernel(NamedTuple):
    """What is known of a node that is no view before its operands are."""

    record: Record
    args: tuple[Any, ...]
    op: str
    bases: tuple[fx.Node, ...]  # of its operands


class CpuBackend:
    """Holds the ops that have C kernels, and views; see `Backend`."""

    def __init__(self) -> None:
        self._kernels: dict[fx.Node, _Kernel | None] = {}

    def can_hold(self, node: fx.Node) -> bool:
        """Whether a node is a view, or an op that has a kernel."""
        if is_part(node):
            whole = node.args[0]
            return isinstance(whole, fx.Node) and self.can_hold(whole)
        if node not in self._kernels:
            self._kernels[node] = None if is_view(node) else _kernel_of(node)
        return self._kernels[node] is not None or is_view(node)

    def record(self, segment: Segment, inputs: Mapping[fx.Node, Any], memory: Memory) -> CpuReplay:
        """Records a program."""
        return _Recorder(segment, self._kernels, memory).record(inputs)


class _Recorder:
    def __init__(
        self, segment: Segment, kernels: Mapping[fx.Node, _Kernel | None], memory: Memory
    ) -> None:
        self._segment = segment
        self._kernels = kernels
        self._layout = Layout(memory)
        self._values: dict[fx.Node, Any] = dict(segment.constants)
        self._blocks: dict[fx.Node, set[int]] = {}  # that a node's value lies in
        self._holders: Counter[int] = Counter()  # how many nodes' values lie in a block
        self._calls: list[KernelCall] = []
        self._labels: list[OpLabel] = []

    def record(self, inputs: Mapping[fx.Node, Any]) -> CpuReplay:
        segment, layout = self._segment, self._layout
        # The smallest first: they are alive for long, and no gaps come to be between them.
        by_size = sorted(segment.inputs, key=lambda node: _nbytes(inputs[node]))
        places = {node: self._place(node, inputs[node]) for node in by_size}
        for node in segment.nodes:
            kernel = self._kernels.get(node)
            if kernel is None:
                self._view(node)
            else:
                self._call(node, kernel)
            for used in segment.last_used_by.get(node, ()):
                self._drop(used)
        placed = [places[node] for node in segment.inputs]
        outputs = [self._values[node] for node in segment.outputs]
        return CpuReplay(placed, outputs, self._calls, self._labels, layout.nbytes)

    def _place(self, node: fx.Node, given: Any) -> torch.Tensor | None:
        """Where an input is copied to; None for one that is not copied."""
        if node in self._segment.buffers or not isinstance(given, torch.Tensor):
            self._values[node] = given
            return None
        _, place = self._layout.take(given.shape, given.dtype)
        self._hold(node, place)
        return place

    def _view(self, node: fx.Node) -> None:
        """Runs what only names memory of its first operand."""
        arguments = fx.map_arg(node.args, self._values.__getitem__)
        options = fx.map_arg(node.kwargs, self._values.__getitem__)
        value = node.target(*arguments, **options)  # type: ignore[operator]
        if not _storages(value) <= _storages(arguments[0]):
            raise Refused(node)  # A reshape, say, that has to copy.
        self._hold(node, value)

    def _call(self, node: fx.Node, kernel: _Kernel) -> None:
        taken: set[int] = set()

        def empty(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
            start, tensor = self._layout.take(shape, dtype)
            taken.add(start)
            return tensor

        arguments = fx.map_arg(kernel.args, self._values.__getitem__)
        recording = kernel.record(empty, *arguments)
        if recording is None:
            arguments = fx.map_arg(kernel.args, lambda used: self._in_sequence(used, empty))
            recording = kernel.record(empty, *arguments)
        if recording is None:
            raise Refused(node)
        self._hold(node, recording.result)
        for scratch in taken - self._blocks[node]:
            self._layout.release(scratch)
        nbytes = recording.nbytes
        if nbytes is None:
            nbytes = _nbytes(arguments) + _nbytes(recording.result)
        self._calls.append(recording.call)
        constants = self._segment.constants
        weights = tuple(base.meta["name"] for base in kernel.bases if base in constants)
        label = OpLabel(kernel.op, weight_label(weights), nbytes, recording.loads, weights[:1])
        self._labels.append(label)

    def _in_sequence(self, node: fx.Node, empty: Empty) -> Any:
        """A value, copied if it lies in strides; a buffer, which may be written, as it is."""
        value = self._values[node]
        if not isinstance(value, torch.Tensor) or base_of(node) in self._segment.buffers:
            return value
        copy = record_in_sequence(empty, value)
        if copy is None:
            return value
        self._calls.append(copy.call)
        self._labels.append(OpLabel("copy", "", 2 * value.nbytes))
        return copy.result

    def _hold(self, node: fx.Node, value: Any) -> None:
        self._values[node] = value
        self._blocks[node] = self._layout.blocks_of(value)
        self._holders.update(self._blocks[node])

    def _drop(self, node: fx.Node) -> None:
        """Gives back the memory of a value that nobody reads any more, unless others share it."""
        for block in self._blocks.pop(node, ()):
            self._holders[block] -= 1
            if not self._holders[block]:
                self._layout.release(block)


def native_call(node: fx.Node) -> NativeCall | None:
    """The call of an op of ours that a node is, or that computes the same; None for none."""
    if node.op != "call_function":
        return None
    native = facts_of(node.target).native
    if native is not None:
        return native(*node.args, **node.kwargs)
    return None if node.kwargs else NativeCall(node.target, node.args)


def _kernel_of(node: fx.Node) -> _Kernel | None:
    """What records a node's native call; None if no kernel does."""
    call = native_call(node)
    record = None if call is None else record_of(call.op)
    if call is None or record is None:
        return None
    op = getattr(node.target, "__name__", str(node.target)).partition(".")[0]
    return _Kernel(record, call.args, op, tuple(map(base_of, node.all_input_nodes)))


def _storages(values: Any) -> set[int]:
    """The memory of all elements; a tensor without any has none."""
    return {x.untyped_storage()._cdata for x in tensors_in(values) if x.numel()}


def _nbytes(values: Any) -> int:
    """Bytes of all tensors in nested lists."""
    return sum([tensor.nbytes for tensor in tensors_in(values)])
