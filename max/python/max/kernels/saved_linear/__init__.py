"""Products with whole weights of adapters in place of the model's."""

from max.kernels.saved_linear.op import saved_linear

__all__ = ["saved_linear"]
