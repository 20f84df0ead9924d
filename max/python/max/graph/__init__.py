"""Graphs: typed computations over tensors, built by Python and run by `max.engine`.

Names are imported when they are first used: what is known of encodings and files' headers is had
without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = ("dim", "shape", "type", "value", "tensor_value", "weight", "graph")


def __getattr__(name: str) -> Any:
    if name == "ops":
        return importlib.import_module(f"{__name__}.ops")
    if name in __all__:
        for home in _HOMES:
            found = importlib.import_module(f"{__name__}.{home}")
            if hasattr(found, name):
                return globals().setdefault(name, getattr(found, name))
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
