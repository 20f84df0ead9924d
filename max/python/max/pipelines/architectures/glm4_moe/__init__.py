"""GLM-4.5: experts chosen as by DeepSeek-V3."""

from max.pipelines.architectures.glm4_moe.arch import glm4_moe_arch

ARCHITECTURES = [glm4_moe_arch]

__all__ = ["ARCHITECTURES", "glm4_moe_arch"]
