"""Logits of tokens that may not come become -inf."""

from max.kernels.mask_logits.op import mask_logits

__all__ = ["mask_logits"]
