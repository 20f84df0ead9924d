"""Linear layers."""

from __future__ import annotations

from max.dtype import DType
from max.graph import TensorValue, TensorValueLike, Weight, ops
from max.graph.quantization import QuantizationEncoding
from max.graph.type import DeviceLike
from max.nn import kernels
from max.nn.module import Module
from max.nn.unsupported import reject_unsupported


class Linear(Module):
    """`x @ weightᵀ + bias`. Weights: `weight` [out_dim, in_dim], `bias` [out_dim].

    Args:
        in_dim: size of x's last axis.
        out_dim: size of the result's last axis.
        dtype: of the weights and of x.
        device: where the weights live.
        has_bias: whether there is a bias.
        quantization_encoding: of the weight's rows; None for plain elements, or to take that of
            the checkpoint when it is loaded.
        quant_config: not supported in this release.
        name: prefix of the weights' names while they have no path of their own.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        dtype: DType,
        device: DeviceLike,
        has_bias: bool = False,
        quantization_encoding: QuantizationEncoding | None = None,
        quant_config: object = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        reject_unsupported("Linear", quant_config=quant_config)
        prefix = f"{name}." if name else ""
        self.weight = Weight(
            f"{prefix}weight", dtype, [out_dim, in_dim], device, quantization_encoding
        )
        self.bias = Weight(f"{prefix}bias", dtype, [out_dim], device) if has_bias else None

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., in_dim] -> [..., out_dim]."""
        if self.weight.quantization_encoding is None:
            return ops.linear(x, self.weight, self.bias)
        product = kernels.quantized_matmul(x, self.weight)
        return product if self.bias is None else product + self.bias
