"""How a graph knows the sizes of its tensors: dims, torch's symbolic ints, and fx nodes.

Dim("batch")  <->  SymInt u0, on fake tensors while the graph is built
               ->  fx node `sym_size(tokens, 0)`, read from a tensor when the model runs
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from copy import copy
from functools import reduce

import sympy
import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._sympy import functions as torch_sympy

from max.graph.dim import Dim, Solution, StaticDim
from max.graph.fakes import Fakes
from max.graph.shape_env import ShapeEnv

_OPERATORS: dict[type, Callable[..., object]] = {
    sympy.Add: operator.add,
    sympy.Mul: operator.mul,
    sympy.Max: builtins.max,
    sympy.Min: builtins.min,
    torch_sympy.Max: builtins.max,
    torch_sympy.Min: builtins.min,
    torch_sympy.FloorDiv: operator.floordiv,
    torch_sympy.PythonMod: operator.mod,
    torch_sympy.Mod: operator.mod,
}


class SymbolTable:
    """The symbolic dims of one graph.

    Args:
        graph: where nodes that compute sizes are recorded.
    """

    def __init__(self, graph: fx.Graph) -> None:
        self._graph = graph
        self._env = ShapeEnv()
        self.fake_mode = FakeTensorMode(shape_env=self._env)
        self.fakes = Fakes()
        self._to_torch: dict[sympy.Expr, sympy.Expr] = {}
        self._to_named: dict[sympy.Expr, sympy.Expr] = {}
        self._sources: dict[sympy.Expr, tuple[fx.Node, int, Solution]] = {}
        self._nodes: dict[sympy.Expr, fx.Node] = {}
        self._outer: Callable[[sympy.Expr], fx.Node] | None = None
        self._is_known_outside: Callable[[Dim], bool] | None = None

    def inner(self, graph: fx.Graph, outer: Callable[[sympy.Expr], fx.Node]) -> SymbolTable:
        """The same symbols for a graph inside the graph.

        Args:
            graph: the inner graph.
            outer: gives the inner graph's node for a symbol whose size only this table knows.
        """
        table = copy(self)
        table._graph, table._outer, table._is_known_outside = graph, outer, self.is_known
        table._sources, table._nodes = {}, {}
        return table

    def size(self, dim: Dim) -> int | torch.SymInt:
        """The dim as fake tensors have it: an int, or a symbolic int."""
        if isinstance(dim, StaticDim):
            return int(dim)
        for symbol in dim.expr.free_symbols - self._to_torch.keys():
            size = self._env.create_unbacked_symint()
            torch._check(size >= 0)
            self._pair(symbol, size.node.expr)
        expr = dim.expr.xreplace(self._to_torch)
        symint = self._env.create_symintnode(expr, hint=None)
        assert isinstance(symint, int | torch.SymInt)
        return symint

    def dim(self, size: int | torch.SymInt) -> Dim:
        """The dim of a fake tensor's size."""
        if isinstance(size, int):
            return Dim(size)
        expr = self._env.replace(size.node.expr)
        for symbol in expr.free_symbols - self._to_named.keys():
            # A size that the data decides: the number of nonzero elements, say.
            self._pair(sympy.Symbol(str(symbol), integer=True), symbol)
        return Dim.of(expr.xreplace(self._to_named))

    def define(self, node: fx.Node, tensor: torch.Tensor) -> None:
        """Remembers that a node's value tells the symbols that its shape can be solved for."""
        for axis, size in enumerate(tensor.shape):
            if isinstance(size, torch.SymInt) and (solution := self.dim(size).solution()):
                self._sources.setdefault(solution.symbol, (node, axis, solution))

    def is_known(self, dim: Dim) -> bool:
        """Whether a tensor of the graph has each symbol of the dim as a size."""
        unknown = dim.expr.free_symbols - self._sources.keys()
        outside = self._is_known_outside
        return all(outside is not None and outside(Dim.of(s)) for s in unknown)

    def node(self, dim: Dim) -> fx.Node | int:
        """What computes the dim when the model runs.

        Raises:
            ValueError: if no tensor of the graph has a symbol of it as a size.
        """
        return self._expr_node(dim.expr)

    def _expr_node(self, expr: sympy.Expr) -> fx.Node | int:
        if expr.is_Integer:
            return int(expr)
        if expr not in self._nodes:
            self._nodes[expr] = self._new_node(expr)
        return self._nodes[expr]

    def _new_node(self, expr: sympy.Expr) -> fx.Node:
        if expr.is_Symbol:
            if expr not in self._sources and self._outer is not None:
                return self._outer(expr)
            if expr not in self._sources:
                raise ValueError(f"no input of the graph has a dim '{expr}' to take its size from")
            node, axis, solution = self._sources[expr]
            size = self._graph.call_function(torch.ops.aten.sym_size.int, (node, axis))
            if solution.offset:
                size = self._graph.call_function(operator.sub, (size, solution.offset))
            if solution.factor != 1:
                size = self._graph.call_function(operator.floordiv, (size, solution.factor))
            return size
        if expr.is_Pow:
            base, exponent = (self._expr_node(a) for a in expr.args)
            return self._graph.call_function(operator.pow, (base, exponent))
        function = _OPERATORS.get(expr.func)
        if function is None:
            raise ValueError(f"cannot compute the dim '{expr}' when the model runs")
        args = [self._expr_node(a) for a in expr.args]
        result = reduce(lambda a, b: self._graph.call_function(function, (a, b)), args)
        assert isinstance(result, fx.Node)
        return result

    def _pair(self, named: sympy.Expr, torch_symbol: sympy.Expr) -> None:
        self._to_torch[named] = torch_symbol
        self._to_named[torch_symbol] = named
