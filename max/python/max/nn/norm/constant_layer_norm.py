"""Layer normalization without weights."""

from __future__ import annotations

from collections.abc import Sequence

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, TensorValueLike, ops
from max.nn.module import Module


class ConstantLayerNorm(Module):
    """`(x - mean) / sqrt(variance + eps)` along the last axis (OLMo). It has no weights.

    Args:
        dims: size of x's last axis.
        devices: where x is; of no effect, for there is nothing to place.
        dtype: that the sums are kept in.
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
        self.eps = eps

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., dims] -> the same shape and dtype."""
        return ops.layer_norm(x, None, None, self.eps)
