"""The pass that computes only the rows of a layer that something reads.

Of the last layer of a decoder only each request's last row is used, but for keys and values:

    h = x + o(attended)                     h = last(x) + o(last(attended))
    y = last(h + mlp(norm(h)))      ->      y = h + mlp(norm(h))

The choice moves up through operations that compute each row of their result from the same row of
their operands. So a prompt costs up to one layer's matrices less, whatever the architecture.
"""

from __future__ import annotations

import torch
from torch import fx

from max.kernels.torch_ops import facts_of


def compute_needed_rows(graph: fx.Graph) -> None:
    """Moves each choice of rows up as far as it can go.

    Args:
        graph: changed in place. What a node gives is in its `meta["val"]`.
    """
    for node in reversed(list(graph.nodes)):
        choice = _choice_of_readers(node)
        with_rows = None if choice is None else _arguments_with_rows(node)
        if choice is None or with_rows is None:
            continue
        with graph.inserting_before(node):
            arguments = tuple(
                graph.create_node(choice.op, choice.target, (argument, *choice.args[1:]))
                if argument in with_rows
                else argument
                for argument in node.args
            )
            needed = graph.call_function(node.target, arguments, node.kwargs)
        for reader in list(node.users):
            reader.replace_all_uses_with(needed)
            graph.erase_node(reader)
        graph.erase_node(node)


def _choice_of_readers(node: fx.Node) -> fx.Node | None:
    """The node that chooses some of its rows, if all readers choose the same by inputs."""
    readers = list(node.users)
    if not all(facts_of(reader.target).picks_rows for reader in readers):
        return None
    if len({(reader.target, reader.args[1:]) for reader in readers}) != 1:
        return None
    first, *choosing = readers[0].all_input_nodes
    is_of_inputs = all(each.op == "placeholder" for each in choosing)
    return readers[0] if first is node and is_of_inputs else None


def _arguments_with_rows(node: fx.Node) -> list[fx.Node] | None:
    """Those whose rows the node's are computed from; None if it is not computed row by row."""
    count = facts_of(node.target).row_arguments
    result = node.meta["val"]
    operands = [argument for argument in node.args[:count] if isinstance(argument, fx.Node)]
    # Of fewer axes, or of one row: the same for all rows.
    with_rows = [
        operand
        for operand in operands
        if operand.meta["val"].ndim == result.ndim and _rows(operand) != 1
    ]
    is_row_wise = result.ndim > 1 and all(_rows(each) == _rows(node) for each in with_rows)
    return with_rows if with_rows and is_row_wise else None


def _rows(node: fx.Node) -> object:
    """The size of the first axis: a number, or an expression of symbols."""
    size = node.meta["val"].shape[0]
    return size.node.expr if isinstance(size, torch.SymInt) else size
