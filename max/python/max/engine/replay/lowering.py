"""Puts segments and weights into a compiled graph."""

from __future__ import annotations

import logging
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import fx

from max.engine.printing import Printer, with_printer
from max.engine.replay.backend import Backend
from max.engine.replay.profile import Profiler
from max.engine.replay.runner import Replays, SegmentRunner
from max.engine.replay.segments import Segment, buffers_of, find_segments, is_view
from max.graph.ops.control import has_effect

logger = logging.getLogger("max.engine")

_REFUSED = "is_refused"  # in a node's meta


class ReplayedGraph:
    """A compiled graph with its weights, as a function of its inputs.

    What the backend can hold runs by replays. A node that it refuses with the operands that come
    cuts its segment in two, from the next call on.

    Args:
        module: of the compiled graph.
        constants: the weights and constants by placeholder. They must stay where they are.
        buffers: names of the placeholders that are inputs of a `BufferType`.
        backend: that the graph's device has; None for none.
        profiler: of the session.
        printer: of the session.
    """

    def __init__(
        self,
        module: fx.GraphModule,
        constants: Mapping[str, torch.Tensor],
        buffers: frozenset[str],
        backend: Backend | None,
        profiler: Profiler,
        printer: Printer,
    ) -> None:
        self._graph = module.graph
        self._name = type(module).__name__
        placeholders = {node.name: node for node in self._graph.find_nodes(op="placeholder")}
        self._constants = {placeholders[name]: tensor for name, tensor in constants.items()}
        self._buffers = buffers_of(self._graph, frozenset(placeholders[name] for name in buffers))
        self._backend = backend
        self.replays = None if backend is None else Replays(backend)
        self._profiler = profiler
        self._printer = printer
        self._lower()

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs, for the caller to keep."""
        if self._is_outdated:
            self._lower()
        outputs: tuple[torch.Tensor, ...] = self._forward(*inputs)
        return outputs

    @property
    def lowered(self) -> fx.GraphModule:
        """The code that runs, with the printing nodes as they were recorded."""
        if self._is_outdated:
            self._lower()
        return self._module

    @property
    def buffers(self) -> frozenset[str]:
        """Names of the placeholders that stand for memory of the caller, used where it lies."""
        return frozenset(node.name for node in self._buffers)

    def reserve(self, nbytes: int) -> None:
        """Makes the memory of the replays that large."""
        if self.replays is not None:
            self.replays.reserve(nbytes)

    def refuse(self, node: fx.Node) -> None:
        """Leaves a node out of all segments from now on, and those of other layers like it."""
        line = node.meta.get("line")
        for other in self._graph.nodes:
            is_alike = other.target is node.target and other.meta.get("line") == line is not None
            if other is node or is_alike:
                other.meta[_REFUSED] = True
        self._is_outdated = True

    def _lower(self) -> None:
        self._is_outdated = False
        if self.replays is not None:
            self.replays.clear()
        self._module = self._with_runners(self._segments())
        if self.replays is not None:
            self._tell_cuts()
        self._forward: Callable[..., Any] = with_printer(self._module, self._printer).forward

    def _segments(self) -> list[Segment]:
        if self._backend is None:
            return []
        can_hold = self._backend.can_hold
        return find_segments(
            self._graph,
            lambda node: _REFUSED not in node.meta and can_hold(node),
            self._constants,
            self._buffers,
        )

    def _with_runners(self, segments: Sequence[Segment]) -> fx.GraphModule:
        """The graph with the weights as attributes and each segment as one call."""
        first = {segment.nodes[0]: segment for segment in segments}
        held = {node for segment in segments for node in segment.nodes}
        graph = fx.Graph()
        copies: dict[fx.Node, fx.Node] = {}
        for node in self._graph.nodes:
            if node in first:
                self._insert(graph, first[node], copies)
            is_known = all(used in copies for used in node.all_input_nodes)
            if node in copies or (node in held and not (is_view(node) and is_known)):
                continue
            if node in self._constants:
                copies[node] = graph.get_attr(node.name)
            else:
                copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.eliminate_dead_code(is_impure_node=lambda n: has_effect(n) or _is_replay(n))
        tensors = {node.name: tensor for node, tensor in self._constants.items()}
        return fx.GraphModule(tensors, graph, class_name=self._name)

    def _insert(self, graph: fx.Graph, segment: Segment, copies: dict[fx.Node, fx.Node]) -> None:
        assert self.replays is not None
        runner = SegmentRunner(segment, self.replays, self._profiler, self.refuse)
        inputs = tuple(copies[node] for node in segment.inputs)
        results = graph.call_function(runner.run_segment, inputs)
        for i, node in enumerate(segment.outputs):
            copies[node] = graph.call_function(operator.getitem, (results, i))

    def _tell_cuts(self) -> None:
        """Names what stands beside the segments: each costs a call of Python, and copies."""
        cuts = Counter(
            f"ops.{node.meta['op']}, {node.meta['line']}" if "op" in node.meta else node.name
            for node in self._module.graph.nodes
            if node.op == "call_function" and not is_view(node) and not _is_replay(node)
        )
        told = [f"{cut} ({times} times)" if times > 1 else cut for cut, times in cuts.items()]
        self._profiler.cuts[self._name] = told
        for cut in told:
            logger.debug("%s: program cut at %s", self._name, cut)


def _is_replay(node: fx.Node) -> bool:
    return isinstance(getattr(node.target, "__self__", None), SegmentRunner)
