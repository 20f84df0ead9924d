"""The pass that gives linear layers on the CPU packed weights, and the packing itself."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import cast

import torch.nn.functional as F
from torch import fx

from max import kernels
from max.graph import Weight
from max.graph.ops.control import has_effect
from max.kernels.packed_linear import can_pack


def use_packed_weights(graph: fx.Graph, weights: Mapping[str, Weight]) -> frozenset[str]:
    """Makes linear layers ones of packed weights, and those of one input one node.

    Embeddings whose table is also a linear layer's weight read their rows from the packed one. A
    weight that is used in any other way stays as it is, and so do its layers.

    Args:
        graph: changed in place.
        weights: of the graph, by name.

    Returns:
        The names of the weights that the code expects packed (`max.kernels.packed_linear.pack`).
    """
    packed = {
        node: weights[node.meta["name"]]
        for node in graph.nodes
        if node.op == "placeholder" and _is_packable(node, weights.get(node.meta["name"]))
    }
    for group in _groups(graph, packed):
        _replace_linears(graph, group, packed)
    for table, weight in packed.items():
        for node in [user for user in table.users if _is_embedding(user, table)]:
            _replace_embedding(graph, node, weight)
    return frozenset(weight.name for weight in packed.values())


def _is_packable(node: fx.Node, weight: Weight | None) -> bool:
    """Whether a placeholder is a weight of linear layers, and at most of embeddings besides."""
    if weight is None or not weight.device.is_cpu() or not can_pack(weight.type.dtype.to_torch()):
        return False
    linears = [user for user in node.users if _is_linear(user, node)]
    others = [user for user in node.users if user not in linears]
    return bool(linears) and all(_is_embedding(user, node) for user in others)


def _is_linear(node: fx.Node, weight: fx.Node) -> bool:
    if node.target is not F.linear or node.args[1] is not weight or node.args[0] is weight:
        return False
    return len(node.args) == 2 or node.args[2] is not weight


def _is_embedding(node: fx.Node, table: fx.Node) -> bool:
    """Whether a node is `table[indices]`, as `ops.gather` along the first axis records it."""
    if node.target is not operator.getitem or node.args[0] is not table:
        return False
    index = node.args[1]
    return isinstance(index, tuple) and len(index) == 1 and isinstance(index[0], fx.Node)


def _groups(graph: fx.Graph, packed: Mapping[fx.Node, Weight]) -> list[list[fx.Node]]:
    """The linear layers of packed weights, those together that read one input.

    Between the layers of a group no node writes to memory, which might change their input.
    """
    groups: list[list[fx.Node]] = []
    open_groups: dict[fx.Node, list[fx.Node]] = {}
    for node in graph.nodes:
        if has_effect(node):
            open_groups.clear()
        if node.target is not F.linear or node.args[1] not in packed:
            continue
        x, bias = node.args[0], _bias(node)
        group = open_groups.get(x)
        # The group's node stands where its first layer did: a later bias must be there already.
        if group is None or not (bias is None or bias.op == "placeholder"):
            group = []
            groups.append(group)
            open_groups[x] = group
        group.append(node)
    return groups


def _bias(node: fx.Node) -> fx.Node | None:
    bias = node.args[2] if len(node.args) > 2 else None
    assert bias is None or isinstance(bias, fx.Node)
    return bias


def _replace_linears(
    graph: fx.Graph, linears: Sequence[fx.Node], packed: Mapping[fx.Node, Weight]
) -> None:
    tables = [node.args[1] for node in linears]
    rows = [int(packed[table].shape[0]) for table in tables if isinstance(table, fx.Node)]
    biases = [_bias(node) for node in linears]
    with graph.inserting_before(linears[0]):
        results = graph.call_function(
            kernels.packed_linear, (linears[0].args[0], tables, biases, rows)
        )
        for i, node in enumerate(linears):
            node.replace_all_uses_with(graph.call_function(operator.getitem, (results, i)))
    for node in linears:
        graph.erase_node(node)


def _replace_embedding(graph: fx.Graph, node: fx.Node, weight: Weight) -> None:
    table, (indices,) = cast(tuple[fx.Node, tuple[fx.Node]], node.args)  # see _is_embedding
    rows, columns = (int(dim) for dim in weight.shape)
    with graph.inserting_before(node):
        found = graph.call_function(kernels.packed_embedding, (table, indices, rows, columns))
    node.replace_all_uses_with(found)
    graph.erase_node(node)
