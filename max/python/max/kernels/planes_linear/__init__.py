"""The product of a matrix and a quantized weight in planes."""

from max.kernels.planes_linear.op import planes_linear

__all__ = ["planes_linear"]
