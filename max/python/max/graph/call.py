"""The one way by which an op comes into being: recorded in a graph, or run at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from max.graph.dim import Dim
from max.graph.errors import caller_line, op_error
from max.graph.operands import graph_of
from max.graph.real import real_tensor
from max.graph.tensor_value import TensorValue

if TYPE_CHECKING:
    from max.graph.graph import Graph

_FAKE_LOG = logging.getLogger("torch._subclasses.fake_tensor")


def call(
    op: str,
    target: Callable[..., Any],
    *args: Any,
    result_shape: Sequence[Dim] | None = None,
    result_dtype: torch.dtype | None = None,
    **kwargs: Any,
) -> TensorValue:
    """Applies `target` to values: the body of every op.

    With a value of a graph among the arguments (or inside `with graph:` when there is no value at
    all) one node is recorded, and `target` is run on fake tensors, which checks shapes and dtypes
    now. Otherwise `target` runs on the real tensors.

    Args:
        op: the op's name in error messages.
        target: a torch function, or a `torch.library` op of ours, that returns one tensor.
        args: values, weights, tensors, dims, shapes, numbers, and lists of them.
        result_shape: the result's shape, where the op has worked it out already: then `target` is
            not run on fake tensors, which some torch versions cannot do for every symbolic shape.
            The result is on the device of the first argument.
        result_dtype: the result's dtype, with `result_shape`; the first argument's unless given.
        kwargs: likewise.

    Raises:
        ValueError: if the operands do not fit the op, or belong to two graphs.
    """
    result: TensorValue = _apply(op, target, args, kwargs, result_shape, result_dtype)
    return result


def call_multiple(
    op: str,
    target: Callable[..., Any],
    *args: Any,
    **kwargs: Any,
) -> tuple[TensorValue, ...]:
    """`call` for a target that returns several tensors."""
    result: tuple[TensorValue, ...] = _apply(op, target, args, kwargs)
    return result


def call_effect(
    op: str,
    target: Callable[..., Any],
    *args: Any,
    result_shape: Sequence[Dim] | None = None,
) -> None:
    """`call` for a target that returns nothing and is run for its effect.

    fx drops nodes that nothing uses unless the target is marked by `torch.fx.node.has_side_effect`
    or is a `torch.library` op whose schema says what it writes to.
    """
    _apply(op, target, args, {}, result_shape)


def _apply(
    op: str,
    target: Callable[..., Any],
    args: Any,
    kwargs: Any,
    result_shape: Sequence[Dim] | None = None,
    result_dtype: torch.dtype | None = None,
) -> Any:
    graph = graph_of([*args, *kwargs.values()])
    if graph is None:
        return _run(op, target, args, kwargs)
    return _record(graph, op, target, args, kwargs, result_shape, result_dtype)


def _run(op: str, target: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    def real(x: Any) -> Any:
        return int(x) if isinstance(x, Dim) else real_tensor(x)

    with _told_as_op_error(op, [*args, *kwargs.values()]), torch.no_grad():
        result = target(*_map(real, args), **_map(real, kwargs))
    wrapped = _map(lambda t: TensorValue(t) if isinstance(t, torch.Tensor) else t, result)
    return tuple(wrapped) if isinstance(wrapped, list) else wrapped


def _record(
    graph: Graph,
    op: str,
    target: Callable[..., Any],
    args: Any,
    kwargs: Any,
    result_shape: Sequence[Dim] | None,
    result_dtype: torch.dtype | None,
) -> Any:
    args = _map(graph.operand, args)
    kwargs = _map(graph.operand, kwargs)
    symbols = graph.symbols
    with _told_as_op_error(op, [*args, *kwargs.values()]):
        with symbols.fake_mode, torch.no_grad():
            fakes = _map(graph.fake_of, args)
            if result_shape is None:
                result = symbols.fakes.run(target, fakes, _map(graph.fake_of, kwargs))
            else:
                sizes = [symbols.size(d) for d in result_shape]
                dtype = result_dtype or fakes[0].dtype
                result = symbols.fakes.empty(sizes, dtype, fakes[0].device)
        node = graph.fx.call_function(
            target, _map(graph.node_of, args), _map(graph.node_of, kwargs)
        )
    node.meta["op"], node.meta["line"] = op, caller_line()
    return graph.wrap(result, node)


def _map(function: Callable[[Any], Any], tree: Any) -> Any:
    """Applies a function to the leaves of nested lists, tuples and dicts."""
    if isinstance(tree, dict):
        return {k: _map(function, v) for k, v in tree.items()}
    if isinstance(tree, tuple) and type(tree) is not torch.Size:
        return tuple(_map(function, v) for v in tree)
    if isinstance(tree, list | torch.Size):
        return [_map(function, v) for v in tree]
    if isinstance(tree, slice):
        return slice(*(_map(function, v) for v in (tree.start, tree.stop, tree.step)))
    return function(tree)


@contextmanager
def _told_as_op_error(op: str, operands: list[Any]) -> Iterator[None]:
    """Turns torch's error into one that names the op, its operands and the caller's line."""
    was_disabled, _FAKE_LOG.disabled = _FAKE_LOG.disabled, True
    try:
        yield
    except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(op_error(op, reason, operands)) from error
    finally:
        _FAKE_LOG.disabled = was_disabled
