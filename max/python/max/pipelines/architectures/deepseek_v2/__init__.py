"""DeepSeek-V2: latent attention, and experts chosen by groups."""

from max.pipelines.architectures.deepseek_v2.arch import deepseek_v2_arch

ARCHITECTURES = [deepseek_v2_arch]

__all__ = ["ARCHITECTURES", "deepseek_v2_arch"]
