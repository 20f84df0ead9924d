"""Layer normalization of each head, with weights of its own."""

from __future__ import annotations

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, Weight, ops
from max.graph.type import DeviceLike
from max.nn.module import Module


class HeadLayerNorm(Module):
    """`(x - mean) / sqrt(variance + eps) * weight` over each head (Command R+, StableLM 2 12B).

    Weight: `weight` [heads, head_dim].

    Args:
        heads: of x's last axis.
        head_dim: elements of a head.
        dtype: of the weight.
        eps: keeps the root away from zero.
        device: where the weight lives.
    """

    def __init__(
        self,
        heads: int,
        head_dim: int,
        dtype: DType = DType.float32,
        eps: float = 1e-5,
        device: DeviceLike | None = None,
    ) -> None:
        super().__init__()
        self.weight = Weight("weight", dtype, [heads, head_dim], device or DeviceRef.CPU())
        self.eps = eps

    def __call__(self, x: TensorValue) -> TensorValue:
        """x: [rows, heads * head_dim] -> the same shape and dtype."""
        heads = x.reshape([-1, *self.weight.shape])
        normed = ops.layer_norm(heads, None, None, self.eps) * self.weight
        return normed.reshape(x.shape)
