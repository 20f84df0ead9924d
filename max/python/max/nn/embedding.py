"""Embedding tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from max.dtype import DType
from max.graph import TensorValue, TensorValueLike, Weight, ops
from max.graph.quantization import QuantizationEncoding
from max.graph.type import DeviceLike
from max.nn import kernels
from max.nn.module import Module

if TYPE_CHECKING:
    from max.nn.lora import LayerAdapters


class Embedding(Module):
    """A table of vectors, looked up by index. Weight: `weight` [vocab_size, hidden_dim].

    Args:
        vocab_size: rows of the table.
        hidden_dim: size of a vector.
        dtype: of the table.
        device: where it lives.
        quantization_encoding: of the table's rows; None for plain elements, or to take that of
            the checkpoint when it is loaded.
        name: prefix of the weight's name while it has no path of its own.
    """

    # Set while the graph of a model with adapters is built, see `max.nn.lora`.
    adapters: LayerAdapters | None = None

    def __init__(
        self,
        vocab_size: int,
        hidden_dim: int,
        dtype: DType,
        device: DeviceLike,
        quantization_encoding: QuantizationEncoding | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        prefix = f"{name}." if name else ""
        self.weight = Weight(
            f"{prefix}weight", dtype, [vocab_size, hidden_dim], device, quantization_encoding
        )

    def __call__(self, indices: TensorValueLike) -> TensorValue:
        """indices: int [...] -> [..., hidden_dim]."""
        rows = self._rows(indices)
        return rows if self.adapters is None else self.adapters.to_rows(rows, indices)

    def _rows(self, indices: TensorValueLike) -> TensorValue:
        if self.weight.quantization_encoding is None:
            return ops.gather(self.weight, indices, axis=0)
        return kernels.quantized_embedding(self.weight, indices)
