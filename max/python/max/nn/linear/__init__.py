"""Linear layers: how their numbers are stored, and what multiplies with them."""

from max.nn.linear.linear import Linear
from max.nn.mlp import MLP

__all__ = ["MLP", "Linear"]
