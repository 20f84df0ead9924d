"""Gemma 2: Gemma with four norms a block, soft caps, and windows in every other layer."""

from max.pipelines.architectures.gemma2.arch import gemma2_arch

ARCHITECTURES = [gemma2_arch]

__all__ = ["ARCHITECTURES", "gemma2_arch"]
