"""A linear layer of each head."""

from max.kernels.head_linear.op import head_linear

__all__ = ["head_linear"]
