"""Attention of a ragged batch to the paged cache."""

from max.kernels.flash_attention_ragged.op import flash_attention_ragged

__all__ = ["flash_attention_ragged"]
