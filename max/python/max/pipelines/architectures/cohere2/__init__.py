"""Command R7B and A: Command R with windows, whose full layers know no positions."""

from max.pipelines.architectures.cohere2.arch import cohere2_arch

ARCHITECTURES = [cohere2_arch]

__all__ = ["ARCHITECTURES", "cohere2_arch"]
