"""The pass that has weights read in the layouts that kernels want."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import NamedTuple

from torch import fx
from torch.utils._pytree import tree_iter

from max.graph import Weight
from max.kernels.facts import NativeCall
from max.kernels.layouts import LayoutUse, WeightLayout
from max.kernels.torch_ops import facts_of


def use_layouts(graph: fx.Graph, weights: Mapping[str, Weight]) -> dict[str, WeightLayout]:
    """Makes the readers of a weight ones that read it in a layout, where all of them can.

    A weight that is used in any other way stays as it is, and so do its readers.

    Args:
        graph: changed in place.
        weights: of the graph, by name.

    Returns:
        The layouts of the weights that the code expects in one, by name.
    """
    layouts: dict[str, WeightLayout] = {}
    for node in graph.find_nodes(op="placeholder"):
        weight = weights.get(node.meta["name"])
        found = None if weight is None else _readings(node, weight)
        if weight is not None and found is not None:
            layouts[weight.name] = found.layout
            for reader, use in found.uses.items():
                _replace(graph, reader, use.call(found.layout, *reader.args))
    return layouts


class _Readings(NamedTuple):
    """A layout of a weight, and how each of its readers can read it."""

    layout: WeightLayout
    uses: dict[fx.Node, LayoutUse]


def _readings(node: fx.Node, weight: Weight) -> _Readings | None:
    uses = {reader: use for reader in node.users if (use := _use(reader, node, weight))}
    kinds = {use.layout for use in uses.values()}
    is_wanted = any(use.wants for use in uses.values())
    if len(uses) < len(node.users) or len(kinds) != 1 or not is_wanted:
        return None
    layout = kinds.pop().of(weight)
    if layout is None or None in [use.call(layout, *r.args) for r, use in uses.items()]:
        return None
    return _Readings(layout, uses)


def _use(reader: fx.Node, node: fx.Node, weight: Weight) -> LayoutUse | None:
    """How a node reads a weight that is one of its arguments and no part of others."""
    if reader.kwargs or sum(leaf is node for leaf in tree_iter(reader.args)) != 1:
        return None
    by_argument = facts_of(reader.target).layouts.get(weight.device.device_type, {})
    return next((use for i, use in by_argument.items() if reader.args[i] is node), None)


def _replace(graph: fx.Graph, node: fx.Node, call: NativeCall | None) -> None:
    assert call is not None  # of `_readings`
    with graph.inserting_before(node):
        made = graph.call_function(call.op, call.args)
        if facts_of(call.op).join_key is not None:
            made = graph.call_function(operator.getitem, (made, 0))
    node.replace_all_uses_with(made)
    graph.erase_node(node)
