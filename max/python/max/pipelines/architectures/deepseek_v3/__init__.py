"""DeepSeek-V3: as V2, with experts chosen by corrected scores."""

from max.pipelines.architectures.deepseek_v3.arch import deepseek_v3_arch

ARCHITECTURES = [deepseek_v3_arch]

__all__ = ["ARCHITECTURES", "deepseek_v3_arch"]
