"""Qwen3 with experts."""

from max.pipelines.architectures.qwen3_moe.arch import qwen3_moe_arch

ARCHITECTURES = [qwen3_moe_arch]

__all__ = ["ARCHITECTURES", "qwen3_moe_arch"]
