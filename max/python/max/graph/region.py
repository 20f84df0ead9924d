"""A part of a graph that the run may skip or repeat: a branch, a loop's body.

A region sees the values of the graph around it. Those that it uses become inputs of its own:

    graph:   pred, x -> cond(pred, [x, s0])        captured: x, and the size s0
    region:             x', s0' -> x' * 2 ...      placeholders of the same shapes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy
import torch
from torch import fx

from max.graph.dim import Dim
from max.graph.graph import Graph
from max.graph.tensor_value import TensorValue
from max.graph.value import Value
from max.graph.weight import Weight


class Region(Graph):
    """A graph inside a graph.

    Args:
        name: for messages and printed code.
        parent: the graph around it.
        inputs: values of the parent whose types its own inputs have: a loop's variables.
    """

    def __init__(self, name: str, parent: Graph, inputs: Sequence[TensorValue] = ()) -> None:
        super().__init__(name)
        self.parent = self._around = parent
        self.symbols = parent.symbols.inner(self.fx, self._captured_size)
        self.inputs = [self._input(f"variable_{i}", v) for i, v in enumerate(inputs)]
        self.captured: list[fx.Node] = []
        self._values: dict[fx.Node, Value] = {}

    def build(self, function: Callable[..., Any]) -> list[TensorValue]:
        """Records what a function of the inputs computes, and ends the region with its results."""
        with self:
            result = function(*self.inputs)
            given = list(result) if isinstance(result, list | tuple) else [result]
            results: list[TensorValue] = [self.operand(r) for r in given if r is not None]
            self.output(*results)
        return results

    @property
    def module(self) -> fx.GraphModule:
        """The region as a function of its inputs and of what it captured."""
        return fx.GraphModule({}, self.fx, class_name=self.name)

    def operand(self, x: Any) -> Any:
        """As in `Graph`; values of the graphs around are captured."""
        if isinstance(x, Value) and x.graph is not None and x.graph is not self:
            return self._capture(self._around.operand(x))
        return super().operand(x)

    def add_weight(self, weight: Weight) -> TensorValue:
        """The weight, as an input of the outermost graph."""
        value: TensorValue = self._capture(self._around.add_weight(weight))
        return value

    def add_constant(self, tensor: torch.Tensor) -> TensorValue:
        """The tensor, as a value of the outermost graph."""
        value: TensorValue = self._capture(self._around.add_constant(tensor))
        return value

    def _capture(self, value: Any) -> Any:
        assert value.node is not None
        if value.node not in self._values:
            self.captured.append(value.node)
            self._values[value.node] = self._input(f"captured_{len(self.captured)}", value)
        return self._values[value.node]

    def _captured_size(self, symbol: sympy.Expr) -> fx.Node:
        node = self._around.symbols.node(Dim.of(symbol))
        assert isinstance(node, fx.Node)
        self.captured.append(node)
        return self._placeholder(f"size_{symbol}")

    def _input(self, name: str, like: Value) -> Any:
        node = self._placeholder(name)
        self.symbols.define(node, like.data)
        return type(like)(like.data, node, self)
