"""The gated activations of feed-forward layers."""

from max.kernels.gated.op import gated

__all__ = ["gated"]
