"""The pass that makes calls of one input one call: projections of one layer's input, say."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence

from torch import fx

from max.engine.replay.segments import base_of, written_by
from max.graph.ops.control import has_effect
from max.kernels.torch_ops import facts_of


def join_calls(graph: fx.Graph) -> None:
    """Joins the calls whose ops take several weights (`OpFacts.join_key`).

    Between the calls of a group no node writes to their input.

    Args:
        graph: changed in place.
    """
    for group in _groups(graph):
        if len(group) > 1:
            _join(graph, group)


def _groups(graph: fx.Graph) -> list[list[fx.Node]]:
    groups: list[list[fx.Node]] = []
    still_open: dict[Hashable, list[fx.Node]] = {}
    for node in graph.nodes:
        if has_effect(node):
            written = {base_of(each) for each in written_by(node)}
            still_open = {
                key: group
                for key, group in still_open.items()
                if written and base_of(group[0].args[0]) not in written  # type: ignore[arg-type]
            }
        key_of = facts_of(node.target).join_key
        if key_of is None:
            continue
        key = (node.target, node.args[0], key_of(*node.args))
        others = (each for each in node.all_input_nodes if each is not node.args[0])
        # The joined call stands where the first one does: what others read must be there already.
        if key not in still_open or any(each.op != "placeholder" for each in others):
            still_open[key] = []
            groups.append(still_open[key])
        still_open[key].append(node)
    return groups


def _join(graph: fx.Graph, calls: Sequence[fx.Node]) -> None:
    first = calls[0]
    lists = [[*each] for each in first.args[1:]]  # type: ignore[misc]
    for call in calls[1:]:
        for joined, more in zip(lists, call.args[1:], strict=True):
            joined.extend(more)  # type: ignore[arg-type]
    with graph.inserting_before(first):
        whole = graph.call_function(first.target, (first.args[0], *lists))  # type: ignore[arg-type]
        before = 0
        for call in calls:
            for part in list(call.users):
                index = before + part.args[1]  # type: ignore[operator]
                result = graph.call_function(operator.getitem, (whole, index))
                part.replace_all_uses_with(result)
                graph.erase_node(part)
            before += len(call.args[1])  # type: ignore[arg-type]
    for call in calls:
        graph.erase_node(call)
