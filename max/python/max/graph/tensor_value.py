"""Tensor values: their operators and methods are the ops of the same names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import torch

# Ops are made of values and values call ops: `graph.ops` is there once all of both is imported.
from max import graph
from max.driver import Buffer, Device
from max.dtype import DType
from max.graph.shape import ShapeLike
from max.graph.type import DeviceRef, TensorType
from max.graph.value import Value

if TYPE_CHECKING:
    from torch import fx

    from max.graph.dim import Dim
    from max.graph.graph import Graph
    from max.graph.weight import Weight

TensorValueLike: TypeAlias = (
    "TensorValue | Weight | Buffer | torch.Tensor | np.ndarray[Any, Any] | Dim | float | int"
)


class Operators:
    """Python's operators, each the elementwise op (or `matmul`) that its method calls."""

    __hash__ = object.__hash__

    def _self(self) -> TensorValue:
        return cast("TensorValue", self)

    def __neg__(self) -> TensorValue:
        return graph.ops.negate(self._self())

    def __abs__(self) -> TensorValue:
        return graph.ops.abs(self._self())

    def __invert__(self) -> TensorValue:
        return graph.ops.logical_not(self._self())

    def __add__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.add(self._self(), rhs)

    def __radd__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.add(lhs, self._self())

    def __sub__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.sub(self._self(), rhs)

    def __rsub__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.sub(lhs, self._self())

    def __mul__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.mul(self._self(), rhs)

    def __rmul__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.mul(lhs, self._self())

    def __truediv__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.div(self._self(), rhs)

    def __rtruediv__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.div(lhs, self._self())

    def __floordiv__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.floor_div(self._self(), rhs)

    def __rfloordiv__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.floor_div(lhs, self._self())

    def __mod__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.mod(self._self(), rhs)

    def __rmod__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.mod(lhs, self._self())

    def __pow__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.pow(self._self(), rhs)

    def __rpow__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.pow(lhs, self._self())

    def __matmul__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.matmul(self._self(), rhs)

    def __rmatmul__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.matmul(lhs, self._self())

    def __and__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.logical_and(self._self(), rhs)

    def __rand__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.logical_and(lhs, self._self())

    def __or__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.logical_or(self._self(), rhs)

    def __ror__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.logical_or(lhs, self._self())

    def __xor__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.logical_xor(self._self(), rhs)

    def __rxor__(self, lhs: TensorValueLike) -> TensorValue:
        return graph.ops.logical_xor(lhs, self._self())

    def __eq__(self, rhs: object) -> TensorValue:  # type: ignore[override]  # elementwise, as in numpy
        return graph.ops.equal(self._self(), cast("TensorValueLike", rhs))

    def __ne__(self, rhs: object) -> TensorValue:  # type: ignore[override]  # elementwise, as in numpy
        return graph.ops.not_equal(self._self(), cast("TensorValueLike", rhs))

    def __lt__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.less(self._self(), rhs)

    def __le__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.less_equal(self._self(), rhs)

    def __gt__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.greater(self._self(), rhs)

    def __ge__(self, rhs: TensorValueLike) -> TensorValue:
        return graph.ops.greater_equal(self._self(), rhs)


class Shaped(Operators):
    """What tensor values and weights have beside operators: each method is the op of its name."""

    def reshape(self, shape: ShapeLike) -> TensorValue:
        """The same elements in another shape; one dim may be -1."""
        return graph.ops.reshape(self._self(), shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> TensorValue:
        """Merges the axes from `start_dim` to `end_dim`."""
        return graph.ops.flatten(self._self(), start_dim, end_dim)

    def broadcast_to(self, shape: ShapeLike) -> TensorValue:
        """Repeats axes of size 1, and new leading axes, up to `shape`."""
        return graph.ops.broadcast_to(self._self(), shape)

    def cast(self, dtype: DType) -> TensorValue:
        """The elements converted to `dtype`."""
        return graph.ops.cast(self._self(), dtype)

    def permute(self, dims: Sequence[int]) -> TensorValue:
        """Reorders the axes."""
        return graph.ops.permute(self._self(), dims)

    def transpose(self, dim_1: int, dim_2: int) -> TensorValue:
        """Swaps two axes."""
        return graph.ops.transpose(self._self(), dim_1, dim_2)

    @property
    def T(self) -> TensorValue:
        """The last two axes swapped."""
        return self.transpose(-1, -2)

    def to(self, device: DeviceRef | Device) -> TensorValue:
        """This tensor on `device`."""
        return graph.ops.transfer_to(self._self(), device)


class TensorValue(Value, Shaped):
    """A tensor that ops read. Its operators and methods are the ops of the same names.

    Args:
        data: the torch tensor, see `Value`; or a dim, which becomes an int64 tensor of rank 0.
        node: see `Value`.
        graph: see `Value`.
    """

    def __init__(
        self,
        data: torch.Tensor | Dim,
        node: fx.Node | None = None,
        graph: Graph | None = None,
    ) -> None:
        if isinstance(data, torch.Tensor):
            super().__init__(data, node, graph)
        else:
            size = _tensor_of(data)
            super().__init__(size.data, size.node, size.graph)

    @property
    def tensor(self) -> TensorValue:
        """This value."""
        return self

    @property
    def type(self) -> TensorType:
        """Its type."""
        return TensorType(self.dtype, self.shape, self.device)

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """The elements.

        Raises:
            TypeError: while a graph is built, when there are none yet.
        """
        if self.graph is not None:
            raise TypeError(f"{self!r} has no elements until the model runs; see print()")
        return Buffer(self.data).to_numpy()

    def print(self, label: str = "debug_tensor") -> None:
        """Prints this tensor when the model runs; see `session.set_debug_print_options`."""
        graph.ops.print(self, label)

    def rebind(self, shape: ShapeLike, message: str = "") -> TensorValue:
        """Asserts, when the model runs, that the shape is `shape`, and names its dims so."""
        return graph.ops.rebind(self, shape, message)

    def argmax(self, axis: int = -1) -> TensorValue:
        """Index of the greatest element along `axis`, which stays with size 1."""
        return graph.ops.argmax(self, axis)

    def max(self, axis: int = -1) -> TensorValue:
        """The greatest element along `axis`, which stays with size 1."""
        return graph.ops.max(self, axis=axis)

    def min(self, axis: int = -1) -> TensorValue:
        """The least element along `axis`, which stays with size 1."""
        return graph.ops.min(self, axis=axis)

    def mean(self, axis: int = -1) -> TensorValue:
        """The mean along `axis`, which stays with size 1."""
        return graph.ops.mean(self, axis)

    def sum(self, axis: int = -1) -> TensorValue:
        """The sum along `axis`, which stays with size 1."""
        return graph.ops.sum(self, axis)

    def __getitem__(self, index: Any) -> TensorValue:
        return graph.ops.slice_tensor(self, index if isinstance(index, tuple | list) else [index])

    def __len__(self) -> int:
        return int(self.shape[0])

    def __iter__(self) -> Iterator[TensorValue]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.graph is not None:
            raise TypeError(
                f"{self!r} is neither true nor false until the model runs: see ops.where, ops.cond"
            )
        return bool(self.data)

    def __dlpack__(self, **options: Any) -> Any:
        return Buffer(self.data).__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()


def _tensor_of(dim: Dim) -> TensorValue:
    return graph.ops.shape_to_tensor([dim])[0]
