"""GPT-NeoX and Pythia: attention and MLP side by side, stacked q, k, v head by head."""

from .arch import gpt_neox_arch

ARCHITECTURES = [gpt_neox_arch]

__all__ = ["ARCHITECTURES", "gpt_neox_arch"]
