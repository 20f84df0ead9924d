"""Mistral: Llama with a window in all layers, or in none."""

from max.pipelines.architectures.mistral.arch import mistral_arch

ARCHITECTURES = [mistral_arch]

__all__ = ["ARCHITECTURES", "mistral_arch"]
