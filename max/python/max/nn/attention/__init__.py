"""Attention layers."""

from max.nn.attention.attention_with_rope import AttentionWithRope
from max.nn.attention.mask_config import MHAMaskVariant

__all__ = ["AttentionWithRope", "MHAMaskVariant"]
