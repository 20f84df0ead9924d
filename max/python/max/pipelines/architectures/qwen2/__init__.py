"""Qwen2 and Qwen2.5: Llama with biases in the q, k, v projections."""

from max.pipelines.architectures.qwen2.arch import qwen2_arch

ARCHITECTURES = [qwen2_arch]

__all__ = ["ARCHITECTURES", "qwen2_arch"]
