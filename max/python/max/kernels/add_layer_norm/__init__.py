"""Layer normalization of a sum."""

from max.kernels.add_layer_norm.op import add_layer_norm

__all__ = ["add_layer_norm"]
