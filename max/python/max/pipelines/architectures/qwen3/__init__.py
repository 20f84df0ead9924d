"""Qwen3: Llama with normalized queries and keys, and windows in some layers."""

from max.pipelines.architectures.qwen3.arch import qwen3_arch

ARCHITECTURES = [qwen3_arch]

__all__ = ["ARCHITECTURES", "qwen3_arch"]
