"""OLMoE: experts, and norms of queries and keys as a whole."""

from max.pipelines.architectures.olmoe.arch import olmoe_arch

ARCHITECTURES = [olmoe_arch]

__all__ = ["ARCHITECTURES", "olmoe_arch"]
