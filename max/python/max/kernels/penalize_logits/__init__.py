"""Logits of tokens that occurred become less likely, by how often they did."""

from max.kernels.penalize_logits.op import penalize_logits

__all__ = ["penalize_logits"]
