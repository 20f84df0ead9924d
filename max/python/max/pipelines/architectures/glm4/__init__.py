"""GLM 4 (0414): four norms a block, half of each head turned pair by pair."""

from max.pipelines.architectures.glm4.arch import glm4_arch

ARCHITECTURES = [glm4_arch]

__all__ = ["ARCHITECTURES", "glm4_arch"]
