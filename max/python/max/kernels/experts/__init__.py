"""Feed-forward layers of experts, of which each token has some."""

from max.kernels.experts.op import experts

__all__ = ["experts"]
