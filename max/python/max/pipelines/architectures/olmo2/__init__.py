"""OLMo 2: norms after attention and MLP, of queries and keys as a whole."""

from max.pipelines.architectures.olmo2.arch import olmo2_arch

ARCHITECTURES = [olmo2_arch]

__all__ = ["ARCHITECTURES", "olmo2_arch"]
