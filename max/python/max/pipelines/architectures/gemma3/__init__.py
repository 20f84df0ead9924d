"""Gemma 3 (text): Gemma 2 with normalized queries and keys, and angles by the kind of layer."""

from max.pipelines.architectures.gemma3.arch import gemma3_arch

ARCHITECTURES = [gemma3_arch]

__all__ = ["ARCHITECTURES", "gemma3_arch"]
