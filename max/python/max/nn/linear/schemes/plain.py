"""One tensor: elements, or rows of ggml's blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from max.dtype import DType
from max.graph import TensorValue, TensorValueLike, Weight, ops
from max.graph.quantization import QuantizationEncoding
from max.graph.type import DeviceLike
from max.nn import kernels


@dataclass(frozen=True)
class Plain:
    """`weight` [..., out, in].

    Args:
        encoding: of its rows; None for plain elements. What is loaded decides in any case.
    """

    encoding: QuantizationEncoding | None = None

    def weights(
        self, shape: Sequence[int], dtype: DType, device: DeviceLike, prefix: str = ""
    ) -> dict[str, Weight]:
        """See `LinearScheme`."""
        return {"weight": Weight(f"{prefix}weight", dtype, shape, device, self.encoding)}

    def __call__(
        self, x: TensorValueLike, weights: Mapping[str, Weight], bias: Weight | None
    ) -> TensorValue:
        """See `LinearScheme`."""
        weight = weights["weight"]
        if weight.quantization_encoding is None:
            return ops.linear(x, weight, bias)
        product = kernels.quantized_matmul(x, weight)
        return product if bias is None else product + bias
