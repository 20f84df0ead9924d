"""Root mean square normalization."""

from max.kernels.rms_norm.op import rms_norm

__all__ = ["rms_norm"]
