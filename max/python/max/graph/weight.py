"""Weights: named tensors that a graph reads and a checkpoint fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from max.dtype import DType
from max.graph.shape import Shape, ShapeLike
from max.graph.tensor_value import Operators, TensorValue
from max.graph.type import DeviceLike, DeviceRef, TensorType

if TYPE_CHECKING:
    from max.graph.quantization import QuantizationEncoding


class Weight(Operators):
    """A named tensor. Using it in a graph makes it a named input of that graph.

    Args:
        name: unique in a graph; a module prefixes it with its own path.
        dtype: the element type that the graph computes with.
        shape: static dims.
        device: where it lives when the model runs.
        quantization_encoding: how its blocks are encoded, for quantized weights.
    """

    def __init__(
        self,
        name: str,
        dtype: DType,
        shape: ShapeLike,
        device: DeviceLike,
        quantization_encoding: QuantizationEncoding | None = None,
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = Shape(shape)
        self.device = DeviceRef.from_device(device)
        self.quantization_encoding = quantization_encoding
        self._bound: torch.Tensor | None = None

    @property
    def type(self) -> TensorType:
        """Its type as a graph input."""
        return TensorType(self.dtype, self.shape, self.device)

    def bind(self, tensor: torch.Tensor) -> None:
        """Gives the weight its elements, for ops that run at once, outside a graph."""
        self._bound = tensor

    @property
    def is_bound(self) -> bool:
        """Whether it has elements."""
        return self._bound is not None

    def bound_tensor(self) -> torch.Tensor:
        """The elements.

        Raises:
            ValueError: if none were loaded.
        """
        if self._bound is None:
            raise ValueError(
                f"weight '{self.name}' has no elements: call load_state_dict() on its module "
                "before running it outside a graph"
            )
        return self._bound

    def _self(self) -> TensorValue:
        from max.graph.graph import Graph

        graph = Graph.current_or_none()
        return TensorValue(self.bound_tensor()) if graph is None else graph.add_weight(self)

    @property
    def T(self) -> TensorValue:
        """The last two axes swapped."""
        return self._self().T

    def __repr__(self) -> str:
        return f"Weight('{self.name}', {self.dtype}, {self.shape}, {self.device})"
