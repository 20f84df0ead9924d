"""The backend of the host: a segment is a program of C kernels, run by one native call."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx
from torch.utils._pytree import tree_iter

from max.engine.replay.backend import Refused
from max.engine.replay.memory import Layout, Memory
from max.engine.replay.profile import OpLabel, weight_label
from max.engine.replay.segments import Segment, base_of, is_part, is_view
from max.kernels.facts import NativeCall
from max.kernels.program import Program
from max.kernels.recording import KernelCall, Record
from max.kernels.registry import record_of
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


class CpuBackend:
    """Holds the ops that have C kernels, and views; see `Backend`."""

    def can_hold(self, node: fx.Node) -> bool:
        """Whether a node is a view, or an op that has a kernel."""
        if is_part(node):
            whole = node.args[0]
            return isinstance(whole, fx.Node) and self.can_hold(whole)
        return is_view(node) or _kernel_of(node) is not None

    def record(self, segment: Segment, inputs: Mapping[fx.Node, Any], memory: Memory) -> CpuReplay:
        """Records a program."""
        return _Recorder(segment, memory).record(inputs)


class _Recorder:
    def __init__(self, segment: Segment, memory: Memory) -> None:
        self._segment = segment
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
        last_uses = _last_uses(segment)
        for node in segment.nodes:
            value = self._view(node) if is_view(node) else self._call(node)
            self._hold(node, value)
            for used in last_uses.get(node, ()):
                self._drop(used)
        outputs = [self._values[node] for node in segment.outputs]
        placed = [places[node] for node in segment.inputs]
        return CpuReplay(placed, outputs, self._calls, self._labels, layout.nbytes)

    def _place(self, node: fx.Node, given: Any) -> torch.Tensor | None:
        """Where an input is copied to; None for one that is not copied."""
        if node in self._segment.buffers or not isinstance(given, torch.Tensor):
            self._values[node] = given
            return None
        place = self._layout.take(given.shape, given.dtype)
        self._hold(node, place)
        return place

    def _view(self, node: fx.Node) -> Any:
        """Runs what only names memory of its operands."""
        arguments, options = self._operands((node.args, node.kwargs))
        value = node.target(*arguments, **options)  # type: ignore[operator]
        if not _storages(value) <= _storages((arguments, options)):
            raise Refused(node)  # A reshape, say, that has to copy.
        return value

    def _call(self, node: fx.Node) -> Any:
        record, call = _kernel_of(node), _native_call(node)
        assert record is not None and call is not None
        taken: set[int] = set()

        def empty(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
            tensor = self._layout.take(shape, dtype)
            taken.update(self._layout.blocks_of(tensor))
            return tensor

        arguments = self._operands(call.args)
        recording = record(empty, *arguments)
        if recording is None:
            raise Refused(node)
        for scratch in taken - self._layout.blocks_of(recording.result):
            self._layout.release(scratch)
        nbytes = recording.nbytes
        if nbytes is None:
            nbytes = _nbytes(arguments) + _nbytes(recording.result)
        bases = [base_of(used) for used in node.all_input_nodes]
        weights = [base.meta["name"] for base in bases if base in self._segment.constants]
        self._calls.append(recording.call)
        self._labels.append(OpLabel(_op_name(node), weight_label(weights), nbytes))
        return recording.result

    def _operands(self, arguments: Any) -> Any:
        return fx.map_arg(arguments, self._values.__getitem__)

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


def _last_uses(segment: Segment) -> dict[fx.Node, list[fx.Node]]:
    """The nodes whose values each node is the last to use; its own if nobody uses that."""
    last: dict[fx.Node, fx.Node] = {}
    for node in segment.nodes:
        last[node] = node
        last.update(dict.fromkeys(node.all_input_nodes, node))
    uses: dict[fx.Node, list[fx.Node]] = {}
    for used in last.keys() - set(segment.outputs):
        uses.setdefault(last[used], []).append(used)
    return uses


def _native_call(node: fx.Node) -> NativeCall | None:
    """The call of an op of ours that a node is, or that computes the same; None for none."""
    if node.op != "call_function":
        return None
    native = facts_of(node.target).native
    if native is not None:
        return native(*node.args, **node.kwargs)
    return None if node.kwargs else NativeCall(node.target, node.args)


def _kernel_of(node: fx.Node) -> Record | None:
    """What records a node's native call; None if no kernel does."""
    call = _native_call(node)
    return None if call is None else record_of(call.op)


def _op_name(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target)).partition(".")[0]


def _storages(values: Any) -> set[int]:
    return {x.untyped_storage()._cdata for x in tree_iter(values) if isinstance(x, torch.Tensor)}


def _nbytes(values: Any) -> int:
    """Bytes of all tensors in nested lists."""
    return sum(leaf.nbytes for leaf in tree_iter(values) if isinstance(leaf, torch.Tensor))
