"""Values: what ops take and give, inside a graph and outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx

# Ops are made of values and values call ops: `graph.ops` is there once all of both is imported.
from max import graph
from max.driver import Device
from max.dtype import DType
from max.graph.shape import Shape
from max.graph.type import BufferType, DeviceRef

if TYPE_CHECKING:
    from max.graph.graph import Graph
    from max.graph.tensor_value import TensorValue, TensorValueLike


class Value:
    """A tensor: of a graph that is being built, or a real one.

    Args:
        data: the torch tensor; a fake one while a graph is built.
        node: the fx node that will compute it; None for a real tensor.
        graph: the graph it belongs to; None for a real tensor.
    """

    def __init__(
        self, data: torch.Tensor, node: fx.Node | None = None, graph: Graph | None = None
    ) -> None:
        self.data = data
        self.node = node
        self.graph = graph

    @property
    def shape(self) -> Shape:
        """The sizes of its axes, symbolic ones by their names."""
        if self.graph is None:
            return Shape(self.data.shape)
        return Shape(self.graph.symbols.dim(s) for s in self.data.shape)

    @property
    def dtype(self) -> DType:
        """The type of its elements."""
        return DType.from_torch(self.data.dtype)

    @property
    def device(self) -> DeviceRef:
        """Where it lives."""
        return DeviceRef.from_device(Device.from_torch(self.data.device))

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return self.data.ndim

    @property
    def tensor(self) -> TensorValue:
        """This value as a tensor; how a graph's inputs are taken.

        Raises:
            TypeError: if it is a buffer.
        """
        raise TypeError(f"{self!r} is a buffer: load it with ops.buffer_load")

    @property
    def buffer(self) -> BufferValue:
        """This value as a buffer; how a graph's inputs are taken.

        Raises:
            TypeError: if it is a tensor.
        """
        raise TypeError(f"{self!r} is not a buffer: its input type is not a BufferType")

    def __repr__(self) -> str:
        shown = f"{type(self).__name__}({self.dtype}, {self.shape}, {self.device})"
        return shown if self.graph is not None else f"{shown} = {self.data}"


class BufferValue(Value):
    """A tensor that the graph may write to: a KV cache, say."""

    @property
    def buffer(self) -> BufferValue:
        """This value."""
        return self

    def __getitem__(self, index: Any) -> TensorValue:
        """The elements that the buffer has at this point: `buffer[...]` is all of them."""
        return graph.ops.buffer_load(self)[index]

    def __setitem__(self, index: Any, source: TensorValueLike) -> None:
        """Overwrites elements: `buffer[...] = x` all of them."""
        indices = index if isinstance(index, tuple) else (index,)
        graph.ops.buffer_store_slice(self, source, indices)

    @property
    def type(self) -> BufferType:
        """Its type."""
        return BufferType(self.dtype, self.shape, self.device)
