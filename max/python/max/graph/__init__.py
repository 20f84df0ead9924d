"""Graphs: typed computations over tensors, built by Python and run by `max.engine`."""

from max.graph import ops
from max.graph.dim import AlgebraicDim, Dim, DimLike, StaticDim, SymbolicDim
from max.graph.graph import Graph
from max.graph.shape import Shape, ShapeLike
from max.graph.tensor_value import TensorValue, TensorValueLike
from max.graph.type import BufferType, DeviceRef, TensorType
from max.graph.value import BufferValue, Value
from max.graph.weight import Weight

__all__ = [
    "AlgebraicDim",
    "BufferType",
    "BufferValue",
    "DeviceRef",
    "Dim",
    "DimLike",
    "Graph",
    "Shape",
    "ShapeLike",
    "StaticDim",
    "SymbolicDim",
    "TensorType",
    "TensorValue",
    "TensorValueLike",
    "Value",
    "Weight",
    "ops",
]
