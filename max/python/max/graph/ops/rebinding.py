"""Telling the graph what the sizes of a tensor are when it cannot know."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.graph.dim import StaticDim
from max.graph.graph import Graph
from max.graph.operands import graph_of
from max.graph.ops.arguments import as_tensor, fail, shape_of
from max.graph.real import real_tensor
from max.graph.shape import Shape, ShapeLike
from max.graph.tensor_value import TensorValue, TensorValueLike


def rebind(x: TensorValueLike, shape: ShapeLike, message: str = "") -> TensorValue:
    """`x`, whose shape is `shape`: checked when the model runs, and named so from here on.

    Args:
        x: a tensor.
        shape: as many dims as `x` has; new names are given to the sizes that they stand for.
        message: what the error says when the shape is another.

    Raises:
        ValueError: if the shape cannot be that, whatever the inputs.
    """
    x = as_tensor("rebind", x)
    wanted, actual = Shape(shape), shape_of(x)
    if len(wanted) != len(actual):
        fail("rebind", f"{actual} has {len(actual)} axes, {wanted} has {len(wanted)}", x)
    for axis, (new, old) in enumerate(zip(wanted, actual, strict=True)):
        if new != old and isinstance(new, StaticDim) and isinstance(old, StaticDim):
            fail("rebind", f"axis {axis} is {old}, not {new}. {message}".rstrip(), x)
    graph = graph_of([x])
    if graph is None:
        return TensorValue(real_tensor(x))
    value: TensorValue = graph.operand(x)
    return value if wanted == actual else _rebound(graph, value, wanted, message)


def _rebound(graph: Graph, x: TensorValue, shape: Shape, message: str) -> TensorValue:
    known = [graph.symbols.node(d) if graph.symbols.is_known(d) else None for d in shape]
    with graph.symbols.fake_mode:
        sizes = [graph.symbols.size(d) for d in shape]
        fake = graph.symbols.fakes.empty(sizes, x.data.dtype, x.data.device)
    node = graph.fx.call_function(check_shape, (x.node, known, [str(d) for d in shape], message))
    result: TensorValue = graph.wrap(fake, node)
    return result


def check_shape(
    x: torch.Tensor, sizes: Sequence[int | None], names: Sequence[str], message: str
) -> torch.Tensor:
    """Returns `x` if its shape is `sizes`, where None is any size.

    Raises:
        ValueError: if it is another.
    """
    for axis, (wanted, actual) in enumerate(zip(sizes, x.shape, strict=True)):
        if wanted is not None and wanted != actual:
            raise ValueError(
                f"ops.rebind: axis {axis} of {list(x.shape)} should be '{names[axis]}' = {wanted}, "
                f"but is {actual}. {message}".rstrip()
            )
    return x
