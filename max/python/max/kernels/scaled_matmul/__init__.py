"""The product of a matrix and a weight of small floats with factors."""

from max.kernels.scaled_matmul.op import scaled_matmul

__all__ = ["scaled_matmul"]
