"""Linear layers: how their numbers are stored, and what multiplies with them."""

from max.nn.linear.linear import Linear

__all__ = ["Linear"]
