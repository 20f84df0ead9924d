"""Qwen2 with experts, and one that all tokens share."""

from max.pipelines.architectures.qwen2_moe.arch import qwen2_moe_arch

ARCHITECTURES = [qwen2_moe_arch]

__all__ = ["ARCHITECTURES", "qwen2_moe_arch"]
