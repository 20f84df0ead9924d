"""Branches and loops that the run decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import fx

from max.dtype import DType
from max.graph.graph import Graph
from max.graph.operands import graph_of
from max.graph.ops.arguments import as_tensor, dtype_of, fail, shape_of
from max.graph.real import real_tensor
from max.graph.region import Region
from max.graph.shape import Shape
from max.graph.tensor_value import TensorValue, TensorValueLike
from max.graph.type import TensorType


def has_effect(node: fx.Node) -> bool:
    """Whether a node must run although nothing uses its result."""
    return node.is_impure() or (isinstance(node.target, ControlFlow) and node.target.has_effect)


class ControlFlow:
    """What a node of control flow calls. `regions` are its parts, for passes over them."""

    __name__ = "control_flow"

    def __init__(self, *regions: fx.GraphModule) -> None:
        self.regions = regions

    def __call__(self, first: Any, *captured: Sequence[Any]) -> Any:
        """Runs regions, each given what it captured."""
        raise NotImplementedError

    @property
    def has_effect(self) -> bool:
        """Whether a region prints, or writes to a buffer."""
        return any(
            has_effect(n) for r in self.regions for n in r.graph.nodes if n.op == "call_function"
        )


class Branches(ControlFlow):
    """The target of `cond`."""

    __name__ = "cond"

    def __call__(self, pred: torch.Tensor, *captured: Sequence[Any]) -> Any:
        """The results of the region that `pred` chooses, given what each captured."""
        chosen = 0 if pred.item() else 1
        return self.regions[chosen](*captured[chosen])


class Loop(ControlFlow):
    """The target of `while_loop`."""

    __name__ = "while_loop"

    def __call__(self, variables: Any, *captured: Sequence[Any]) -> Any:
        """The variables after the loop, given what predicate and body captured."""
        predicate, body = self.regions
        while predicate(*variables, *captured[0])[0].item():
            variables = body(*variables, *captured[1])
        return variables


def cond(
    pred: TensorValueLike,
    out_types: Iterable[TensorType] | None,
    then_fn: Callable[[], Any],
    else_fn: Callable[[], Any],
) -> list[TensorValue]:
    """The results of one of two functions, which a bool chooses when the model runs.

    Args:
        pred: one bool, on the host to choose without a wait for the device.
        out_types: the results' types; both functions give these. None for no results.
        then_fn: is run where `pred` is true; it may use all values of the graph.
        else_fn: is run where it is false.

    Raises:
        ValueError: if a function's results are of other types.
    """
    pred = as_tensor("cond", pred)
    _check_condition("cond", pred)
    types = list(out_types or ())
    graph = graph_of([pred])
    if graph is None:
        chosen = then_fn if TensorValue(_real(pred)).to_numpy().item() else else_fn
        return _checked("cond", _listed(chosen()), types)
    regions = [Region(name, graph) for name in ("then", "otherwise")]
    for region, function in zip(regions, (then_fn, else_fn), strict=True):
        results = region.build(function)
        _checked(f"cond ({region.name})", results, types)
    target = Branches(*(r.module for r in regions))
    return _recorded(graph, target, graph.operand(pred).node, regions, results)


def while_loop(
    initial_values: Iterable[TensorValueLike] | TensorValueLike,
    predicate: Callable[..., TensorValue],
    body: Callable[..., Any],
) -> list[TensorValue]:
    """Repeats `variables = body(*variables)` as long as `predicate(*variables)` is true.

    Args:
        initial_values: the variables at first.
        predicate: gives one bool.
        body: gives the variables' new values, of the same types.

    Raises:
        ValueError: if a function gives something else.
    """
    given = initial_values if isinstance(initial_values, list | tuple) else [initial_values]
    values = [as_tensor("while_loop", v) for v in given]
    graph = graph_of(values)
    if graph is None:
        return _looped([TensorValue(_real(v)) for v in values], predicate, body)
    variables = [graph.operand(v) for v in values]
    types = [v.type for v in variables]
    regions = [Region(name, graph, variables) for name in ("predicate", "body")]
    for condition in regions[0].build(predicate):
        _check_condition("while_loop", condition)
    _checked("while_loop", regions[1].build(body), types)
    target = Loop(*(r.module for r in regions))
    return _recorded(graph, target, [v.node for v in variables], regions, variables)


def _looped(
    values: list[TensorValue], predicate: Callable[..., TensorValue], body: Callable[..., Any]
) -> list[TensorValue]:
    types = [v.type for v in values]
    while predicate(*values).to_numpy().item():
        values = _checked("while_loop", _listed(body(*values)), types)
    return values


def _recorded(
    graph: Graph,
    target: ControlFlow,
    first: Any,
    regions: Sequence[Region],
    results: Sequence[TensorValue],
) -> list[TensorValue]:
    node = graph.fx.call_function(target, (first, *(r.captured for r in regions)))
    return list(graph.wrap([r.data for r in results], node))


def _checked(op: str, results: list[TensorValue], types: Sequence[TensorType]) -> list[TensorValue]:
    got = [(r.dtype, r.shape) for r in results]
    if got != [(t.dtype, Shape(t.shape)) for t in types]:
        fail(op, f"expected results of {list(types)}, got {[r.type for r in results]}")
    return results


def _check_condition(op: str, pred: Any) -> None:
    if dtype_of(pred) is not DType.bool or any(d != 1 for d in shape_of(pred)):
        fail(op, f"the condition must be one bool, got {dtype_of(pred)} {shape_of(pred)}", pred)


def _listed(result: Any) -> list[TensorValue]:
    found = list(result) if isinstance(result, list | tuple) else [result]
    return [TensorValue(_real(r)) for r in found if r is not None]


def _real(x: Any) -> torch.Tensor:
    tensor: torch.Tensor = real_tensor(x)
    return tensor
