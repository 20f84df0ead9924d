"""Puts programs into a compiled graph."""

from __future__ import annotations

import operator
from collections.abc import Mapping

import torch
from torch import fx

from max.engine.replay.arena import Arena
from max.engine.replay.profile import Profiler
from max.engine.replay.runner import SegmentRunner
from max.engine.replay.segments import Segment, find_segments


def with_programs(
    module: fx.GraphModule, constants: Mapping[str, torch.Tensor], profiler: Profiler
) -> fx.GraphModule:
    """The module with its native segments run by recorded programs; itself when it has none.

    Args:
        module: of a compiled graph.
        constants: the weights and constants that it is called with, by placeholder. They must stay
            where they are.
        profiler: of the session.
    """
    graph = fx.Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    if not find_segments(graph):
        return module
    arena = Arena()
    while segments := find_segments(graph):
        _replace(
            graph, segments[0], constants, arena, profiler
        )  # What it replaces others may refer to.
    return fx.GraphModule({}, graph, class_name=type(module).__name__)


def _replace(
    graph: fx.Graph,
    segment: Segment,
    constants: Mapping[str, torch.Tensor],
    arena: Arena,
    profiler: Profiler,
) -> None:
    fixed = {n: constants[n.name] for n in segment.inputs if _is_constant(n, constants)}
    inputs = [node for node in segment.inputs if node not in fixed]
    # The runner keeps the nodes as they are now, in a graph of their own.
    private = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {n: private.placeholder(n.name) for n in segment.inputs}
    for node in segment.nodes:
        copies[node] = private.node_copy(node, copies.__getitem__)
    runner = SegmentRunner(
        Segment(
            [copies[node] for node in segment.nodes],
            [copies[node] for node in segment.inputs],
            [copies[node] for node in segment.outputs],
        ),
        [copies[node] for node in inputs],
        {copies[node]: tensor for node, tensor in fixed.items()},
        arena,
        profiler,
    )
    with graph.inserting_before(segment.nodes[0]):
        results = graph.call_function(runner.run_segment, tuple(inputs))
        for i, node in enumerate(segment.outputs):
            result = graph.call_function(operator.getitem, (results, i))
            if any(user.op == "output" for user in node.users):
                result = graph.call_function(torch.clone, (result,))
            node.replace_all_uses_with(result)
    for node in reversed(segment.nodes):
        graph.erase_node(node)


def _is_constant(node: fx.Node, constants: Mapping[str, torch.Tensor]) -> bool:
    return node.op == "placeholder" and node.name in constants
