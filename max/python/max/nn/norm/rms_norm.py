"""Root mean square normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, TensorValueLike, Weight
from max.graph.type import DeviceLike
from max.nn import kernels
from max.nn.module import Module

if TYPE_CHECKING:
    from max.nn.lora import LayerAdapters


class RMSNorm(Module):
    """`x / sqrt(mean(x²) + eps) * (weight + weight_offset)`. Weight: `weight` [dim].

    Args:
        dim: size of x's last axis.
        dtype: of the weight.
        eps: keeps the root away from zero.
        weight_offset: 1 for checkpoints that store the weight less one (Gemma).
        multiply_before_cast: multiplies by the weight in float32, not in x's dtype; Hugging Face's
            Llama does the latter.
        device: where the weight lives.
        dims: another name of `dim`.
    """

    # Set while the graph of a model with adapters is built, see `max.nn.lora`.
    adapters: LayerAdapters | None = None

    def __init__(
        self,
        dim: int | None = None,
        dtype: DType = DType.float32,
        eps: float = 1e-6,
        weight_offset: float = 0.0,
        multiply_before_cast: bool = True,
        device: DeviceLike | None = None,
        dims: int | None = None,
    ) -> None:
        super().__init__()
        size = dim if dims is None else dims
        if size is None or (dim is not None and dims is not None):
            raise TypeError(f"RMSNorm takes dim or dims, one of them; got {dim} and {dims}")
        self.weight = Weight("weight", dtype, [size], device or DeviceRef.CPU())
        self.eps = eps
        self.weight_offset = weight_offset
        self.multiply_before_cast = multiply_before_cast

    def __call__(self, x: TensorValueLike) -> TensorValue:
        """x: [..., dim] -> the same shape and dtype."""
        y = kernels.rms_norm(
            x, self.weight, self.eps, self.weight_offset, self.multiply_before_cast
        )
        return y if self.adapters is None else self.adapters.to_norm(y)
