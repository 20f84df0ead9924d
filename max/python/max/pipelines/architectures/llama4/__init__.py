"""Llama 4 (text): one expert for each token, and layers that know no positions."""

from max.pipelines.architectures.llama4.arch import llama4_arch

ARCHITECTURES = [llama4_arch]

__all__ = ["ARCHITECTURES", "llama4_arch"]
