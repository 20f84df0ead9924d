"""Weights: named tensors that a graph reads and a checkpoint fills."""

from __future__ import annotations

from typing import Protocol

import torch

from max.driver import Buffer
from max.dtype import DType
from max.graph.current import current_graph
from max.graph.quantization import QuantizationEncoding
from max.graph.shape import Shape, ShapeLike
from max.graph.tensor_value import Shaped, TensorValue
from max.graph.type import DeviceLike, DeviceRef, TensorType


class HasElements(Protocol):
    """What gives a tensor when it is asked for."""

    def to_buffer(self) -> Buffer: ...


class Weight(Shaped):
    """A named tensor. Using it in a graph makes it a named input of that graph.

    Args:
        name: unique in a graph; a module prefixes it with its own path.
        dtype: the element type that the graph computes with.
        shape: static dims.
        device: where it lives when the model runs.
        quantization_encoding: how its rows are encoded; None for plain elements. Loading a
            checkpoint sets it, so that layers choose what they do by the weight that they have.
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
        self._bound: torch.Tensor | HasElements | None = None

    @property
    def type(self) -> TensorType:
        """Its type as a graph input: of the elements, or the bytes of encoded rows.

        Raises:
            ValueError: if a row is no whole number of the encoding's blocks.
        """
        encoding = self.quantization_encoding
        if encoding is None:
            return TensorType(self.dtype, self.shape, self.device)
        *rows, elements = self.shape.static_dims
        return TensorType(DType.uint8, [*rows, encoding.row_bytes(elements)], self.device)

    def bind(self, elements: torch.Tensor | HasElements) -> None:
        """Gives the weight its elements, for ops that run at once, outside a graph.

        Args:
            elements: a tensor, or what makes one when it is asked for.
        """
        self._bound = elements

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
        bound = self._bound
        return bound if isinstance(bound, torch.Tensor) else bound.to_buffer().tensor

    @property
    def packed(self) -> TensorValue:
        """What is stored, which for an encoded weight is bytes: for ops that decode them."""
        graph = current_graph()
        return TensorValue(self.bound_tensor()) if graph is None else graph.add_weight(self)

    def require_plain(self) -> None:
        """Refuses to take the bytes of an encoded weight for its elements.

        Raises:
            ValueError: if the weight is encoded.
        """
        if self.quantization_encoding is not None:
            raise ValueError(
                f"weight '{self.name}' is {self.quantization_encoding.name}-encoded, and is used "
                "by an operation that takes plain elements: Linear and Embedding decode weights, "
                "and ops.dequantize(encoding, weight.packed) does; or load the model in float32 "
                "or bfloat16 (--quantization-encoding)"
            )

    def _self(self) -> TensorValue:
        self.require_plain()
        return self.packed

    def __repr__(self) -> str:
        return f"Weight('{self.name}', {self.dtype}, {self.shape}, {self.device})"
