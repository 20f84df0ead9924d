"""Apertus: Qwen3 without a gate, and an activation function that is learned."""

from .arch import apertus_arch

ARCHITECTURES = [apertus_arch]

__all__ = ["ARCHITECTURES", "apertus_arch"]
