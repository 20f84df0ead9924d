"""What the operands of an op are: which graph they belong to, which tensors they hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from max.driver import Buffer
from max.graph.graph import Graph
from max.graph.value import Value
from max.graph.weight import Weight


def graph_of(operands: Iterable[Any]) -> Graph | None:
    """The graph that an op on these operands belongs to; None when it is to run at once.

    Raises:
        ValueError: if the operands belong to two graphs.
    """
    found: Graph | None = None
    eager = False
    for operand in _leaves(operands):
        if isinstance(operand, Value) and operand.graph is not None:
            if found is not None and operand.graph is not found:
                names = f"'{found.name}' and '{operand.graph.name}'"
                raise ValueError(f"an op cannot mix values of two graphs, {names}")
            found = operand.graph
        eager |= isinstance(operand, Value | torch.Tensor | Buffer | Weight)
    if found is None and (Graph.is_building() or not eager):
        return Graph.current_or_none()
    return found


def _leaves(operands: Iterable[Any]) -> Iterable[Any]:
    for operand in operands:
        if isinstance(operand, list | tuple):
            yield from _leaves(operand)
        else:
            yield operand
