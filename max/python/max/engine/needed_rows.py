"""The pass that computes only the rows of a layer that something reads.

Of the last layer of a decoder only each request's last row is used, but for keys and values:

    h = x + o(attended)                     h = last(x) + o(last(attended))
    y = last(h + mlp(norm(h)))      ->      y = h + mlp(norm(h))

`last_rows` moves up through operations that compute each row of their result from the same row of
their operands. So a prompt costs up to one layer's matrices less, whatever the architecture.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

from max import kernels

# How many of the first arguments may have rows; the others are weights and numbers.
_ROW_WISE: dict[Callable[..., Any], int] = {
    F.linear: 1,
    F.silu: 1,
    kernels.quantized_matmul: 1,
    kernels.rms_norm: 1,
    kernels.gated: 2,
    operator.add: 2,
    operator.mul: 2,
}


def compute_needed_rows(graph: fx.Graph) -> None:
    """Moves each `last_rows` up as far as it can go.

    Args:
        graph: changed in place. What a node gives is in its `meta["val"]`.
    """
    for node in reversed(list(graph.nodes)):
        offsets = _row_offsets_of_readers(node)
        with_rows = None if offsets is None else _arguments_with_rows(node)
        if offsets is None or with_rows is None:
            continue
        with graph.inserting_before(node):
            arguments = tuple(
                graph.call_function(kernels.last_rows, (argument, offsets))
                if argument in with_rows
                else argument
                for argument in node.args
            )
            needed = graph.call_function(node.target, arguments, node.kwargs)
        for reader in list(node.users):
            reader.replace_all_uses_with(needed)
            graph.erase_node(reader)
        graph.erase_node(node)


def _row_offsets_of_readers(node: fx.Node) -> fx.Node | None:
    """The input that says which rows are read, if nothing reads others."""
    if not all(reader.target is kernels.last_rows for reader in node.users):
        return None
    offsets = {reader.args[1] for reader in node.users}
    found = offsets.pop() if len(offsets) == 1 else None
    return found if isinstance(found, fx.Node) and found.op == "placeholder" else None


def _arguments_with_rows(node: fx.Node) -> list[fx.Node] | None:
    """Those whose rows the node's are computed from; None if it is not computed row by row."""
    count = _ROW_WISE.get(node.target)  # type: ignore[arg-type]
    if count is None:
        return None
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
