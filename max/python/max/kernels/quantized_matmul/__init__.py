"""The product of a matrix and a quantized weight."""

from max.kernels.quantized_matmul.op import quantized_matmul

__all__ = ["quantized_matmul"]
