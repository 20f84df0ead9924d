"""The pass that gives linear layers on the CPU packed weights, and the packing itself."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import fx

from max import kernels
from max.graph import Weight
from max.graph.ops.control import has_effect
from max.kernels.packed_linear import can_pack, pack
from max.kernels.packed_quantized_linear import (
    activation_block,
    can_pack_encoding,
    pack_quantized,
)
from max.kernels.packing_pieces import ignore_rows


def use_packed_weights(graph: fx.Graph, weights: Mapping[str, Weight]) -> frozenset[str]:
    """Makes linear layers ones of packed weights, and those of one input one node.

    Embeddings whose table is also a linear layer's weight read their rows from the packed one. A
    weight that is used in any other way stays as it is, and so do its layers.

    Args:
        graph: changed in place.
        weights: of the graph, by name.

    Returns:
        The names of the weights that the code expects packed (see `packed`).
    """
    tables = {
        node: weights[node.meta["name"]]
        for node in graph.nodes
        if node.op == "placeholder" and _is_packable(node, weights.get(node.meta["name"]))
    }
    for group in _groups(graph, tables):
        _replace_linears(graph, group)
    for table, weight in tables.items():
        for node in [user for user in table.users if _is_embedding(user, table)]:
            _replace_embedding(graph, node, weight)
    return frozenset(weight.name for weight in tables.values())


def packed(
    weight: Weight, elements: torch.Tensor, on_read: Callable[[int], None] = ignore_rows
) -> torch.Tensor:
    """The elements of a weight as the code expects them: a copy.

    Args:
        weight: what the graph knows of it.
        elements: as they are in a file.
        on_read: told now and then how many of the first rows are packed.
    """
    encoding = _encoding(weight)
    if encoding in _HALVES:
        elements, encoding = elements.view(_HALVES[encoding]), None
    if encoding is None:
        return pack(elements, on_read)
    return pack_quantized(elements, encoding, on_read)


# Encodings that are elements as they are, of another dtype than the layers compute in.
_HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


class _Linear(NamedTuple):
    """A node that multiplies with a weight that can be packed."""

    node: fx.Node
    x: fx.Node
    table: fx.Node
    bias: fx.Node | None
    weight: Weight


def _encoding(weight: Weight) -> str | None:
    return None if weight.quantization_encoding is None else weight.quantization_encoding.value


def _is_packable(node: fx.Node, weight: Weight | None) -> bool:
    """Whether a placeholder is a weight of linear layers, and at most of embeddings besides."""
    if weight is None or not weight.device.is_cpu() or not can_pack(weight.dtype.to_torch()):
        return False
    encoding = _encoding(weight)
    if encoding is not None and encoding not in _HALVES and not can_pack_encoding(encoding):
        return False
    linears = [user for user in node.users if _is_linear(user, node)]
    others = [user for user in node.users if user not in linears]
    return bool(linears) and all(_is_embedding(user, node) for user in others)


def _is_linear(node: fx.Node, table: fx.Node) -> bool:
    """Whether a node multiplies with `table`, and reads it in no other way."""
    if node.target not in (F.linear, kernels.quantized_matmul):
        return False
    return [argument is table for argument in node.args[:3]] in (
        [False, True],
        [False, True, False],
    )


def _is_embedding(node: fx.Node, table: fx.Node) -> bool:
    """Whether a node is `table[indices]`: as `ops.gather` along the first axis records it, or of an
    encoded table."""
    if not node.args or node.args[0] is not table:
        return False
    index = node.args[1]
    if node.target is kernels.quantized_embedding:
        return index is not table
    is_gather = isinstance(index, tuple) and len(index) == 1 and isinstance(index[0], fx.Node)
    return node.target is operator.getitem and is_gather


def _groups(graph: fx.Graph, tables: Mapping[fx.Node, Weight]) -> list[list[_Linear]]:
    """The linear layers of packed weights, those together that read one input in one way.

    Between the layers of a group no node writes to memory, which might change their input.
    """
    groups: list[list[_Linear]] = []
    open_groups: dict[tuple[fx.Node, int | str | None], list[_Linear]] = {}
    for node in graph.nodes:
        if has_effect(node):
            open_groups.clear()
        linear = _linear_of(node, tables)
        if linear is None:
            continue
        encoding = _encoding(linear.weight)
        plain = encoding is None or encoding in _HALVES
        key = linear.x, encoding if plain else activation_block(cast(str, encoding))
        group = open_groups.get(key)
        # The group's node stands where its first layer did: a later bias must be there already.
        if group is None or not (linear.bias is None or linear.bias.op == "placeholder"):
            group = []
            groups.append(group)
            open_groups[key] = group
        group.append(linear)
    return groups


def _linear_of(node: fx.Node, tables: Mapping[fx.Node, Weight]) -> _Linear | None:
    if node.target not in (F.linear, kernels.quantized_matmul) or node.args[1] not in tables:
        return None
    x, table, *rest = node.args
    bias = rest[0] if rest and node.target is F.linear else None
    assert isinstance(x, fx.Node) and isinstance(table, fx.Node)
    assert bias is None or isinstance(bias, fx.Node)
    return _Linear(node, x, table, bias, tables[table])


def _replace_linears(graph: fx.Graph, linears: Sequence[_Linear]) -> None:
    encodings = [_encoding(linear.weight) for linear in linears]
    is_quantized = encodings[0] is not None and encodings[0] not in _HALVES
    arguments: list[Any] = [
        linears[0].node.args[0],  # not x: that may have been replaced since
        [linear.table for linear in linears],
        [linear.bias for linear in linears],
        [int(linear.weight.shape[0]) for linear in linears],
    ]
    target: Callable[..., Any] = kernels.packed_linear
    if is_quantized:
        target = kernels.packed_quantized_linear
        arguments.append(encodings)
    with graph.inserting_before(linears[0].node):
        results = graph.call_function(target, tuple(arguments))
        for i, linear in enumerate(linears):
            result = graph.call_function(operator.getitem, (results, i))
            linear.node.replace_all_uses_with(result)
    for linear in linears:
        graph.erase_node(linear.node)


def _replace_embedding(graph: fx.Graph, node: fx.Node, weight: Weight) -> None:
    rows, columns = (int(dim) for dim in weight.shape)
    with graph.inserting_before(node):
        if node.target is not kernels.quantized_embedding:
            table, (indices,) = cast(tuple[fx.Node, tuple[fx.Node]], node.args)
            found = graph.call_function(kernels.packed_embedding, (table, indices, rows, columns))
        elif _encoding(weight) in _HALVES:
            table, indices, _, dtype = cast(tuple[fx.Node, fx.Node, str, torch.dtype], node.args)
            halves = graph.call_function(kernels.packed_embedding, (table, indices, rows, columns))
            found = graph.call_method("to", (halves, dtype))
        else:
            table, indices, encoding, dtype = node.args  # type: ignore[assignment]
            arguments = (table, indices, rows, columns, encoding, dtype)
            found = graph.call_function(kernels.packed_quantized_embedding, arguments)
    node.replace_all_uses_with(found)
    graph.erase_node(node)
