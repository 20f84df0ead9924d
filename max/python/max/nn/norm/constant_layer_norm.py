"""Layer normalization without weights."""

from __future__ import annotations

from collections.abc import Sequence

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, ops
from max.nn.module import Module


class ConstantLayerNorm(Module):
    """`(x - mean) / sqrt(variance + eps)` along the last axis (OLMo). It has no weights.

    Args:
        dims: size of x's last axis.
        devices: as `LayerNorm` has it; there is nothing to place.
        dtype: that is computed in.
        eps: keeps the root away from zero.
    """

    def __init__(
        self,
        dims: int,
        devices: Sequence[DeviceRef] | DeviceRef = (),
        dtype: DType = DType.float32,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.dims = dims
        self.dtype = dtype
        self.eps = eps

    def __call__(self, x: TensorValue) -> TensorValue:
        """x: [..., dims] -> the same shape and dtype."""
        return ops.cast(ops.layer_norm(ops.cast(x, self.dtype), None, None, self.eps), x.dtype)
