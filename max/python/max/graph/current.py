"""Which graph is being built: that of the innermost `with graph:`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from max.graph.graph import Graph

_stack: ContextVar[tuple[Graph, ...]] = ContextVar("graphs being built", default=())


def current_graph() -> Graph | None:
    """The graph, if one is being built."""
    stack = _stack.get()
    return stack[-1] if stack else None


def enter(graph: Graph) -> None:
    """Begins to build a graph, or a region inside the one that is being built."""
    _stack.set((*_stack.get(), graph))


def leave() -> None:
    """Goes on with the graph before."""
    _stack.set(_stack.get()[:-1])
