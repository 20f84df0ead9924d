"""Layer normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, TensorValueLike, Weight, ops
from max.nn.module import Module

if TYPE_CHECKING:
    from max.nn.lora import LayerAdapters


class LayerNorm(Module):
    """`(x - mean) / sqrt(variance + eps) * weight + bias`. Weights: `weight`, `bias` [dims].

    Args:
        dims: size of x's last axis.
        devices: where the weights live; one device, the host unless given.
        dtype: of the weights.
        eps: keeps the root away from zero.
        use_bias: whether there is a bias.
    """

    # Set while the graph of a model with adapters is built, see `max.nn.lora`.
    adapters: LayerAdapters | None = None

    def __init__(
        self,
        dims: int,
        devices: Sequence[DeviceRef] = (),
        dtype: DType = DType.float32,
        eps: float = 1e-5,
        use_bias: bool = True,
    ) -> None:
        super().__init__()
        device = devices[0] if devices else DeviceRef.CPU()
        self.weight = Weight("weight", dtype, [dims], device)
        self.bias = Weight("bias", dtype, [dims], device) if use_bias else None
        self.dims = dims
        self.eps = eps

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., dims] -> the same shape and dtype."""
        y = ops.layer_norm(x, self.weight, self.bias, self.eps)
        return y if self.adapters is None else self.adapters.to_norm(y)
