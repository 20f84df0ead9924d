"""Feed-forward layers of experts whose matrices are in planes."""

from max.kernels.planes_experts.op import planes_experts

__all__ = ["planes_experts"]
