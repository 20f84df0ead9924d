"""Root mean square normalization of a sum."""

from max.kernels.add_rms_norm.op import add_rms_norm

__all__ = ["add_rms_norm"]
