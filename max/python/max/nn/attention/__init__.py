"""Attention layers."""

from max.nn.attention.attention import QKV, Attention, per_head
from max.nn.attention.attention_with_rope import AttentionWithRope
from max.nn.attention.latent import LatentAttention
from max.nn.attention.mask import Mask, MHAMaskVariant
from max.nn.attention.normed import FlatNormAttention, HeadNormAttention

__all__ = [
    "QKV",
    "Attention",
    "AttentionWithRope",
    "FlatNormAttention",
    "HeadNormAttention",
    "LatentAttention",
    "MHAMaskVariant",
    "Mask",
    "per_head",
]
