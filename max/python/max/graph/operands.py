"""What the operands of an op are: which graph they belong to, which tensors they hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from max.graph.errors import caller
from max.graph.graph import Graph
from max.graph.value import Value


def graph_of(operands: Iterable[Any]) -> Graph | None:
    """The graph that an op on these operands belongs to; None when it is to run at once.

    Raises:
        ValueError: if the operands belong to two graphs, or to one that is finished.
    """
    found: Graph | None = None
    for operand in _leaves(operands):
        if isinstance(operand, Value) and operand.graph is not None:
            found = operand.graph if found is None else _inner(found, operand.graph)
    current = Graph.current_or_none()
    if found is None:
        return current
    graph = found if current is None or not current.is_within(found) else current
    if graph.output_types is not None:
        raise ValueError(
            f"graph '{graph.name}' has its outputs: no op can be added, nor its values used "
            f"outside of it\n  at {caller()}"
        )
    return graph


def _inner(a: Graph, b: Graph) -> Graph:
    """The graph that sees the values of both."""
    if a.is_within(b):
        return a
    if b.is_within(a):
        return b
    raise ValueError(
        f"an op cannot mix values of two graphs, '{a.name}' and '{b.name}'\n  at {caller()}"
    )


def _leaves(operands: Iterable[Any]) -> Iterable[Any]:
    for operand in operands:
        if isinstance(operand, list | tuple):
            yield from _leaves(operand)
        else:
            yield operand
