"""OLMo: layer norms without weights, and limits for queries, keys and values."""

from max.pipelines.architectures.olmo.arch import olmo_arch

ARCHITECTURES = [olmo_arch]

__all__ = ["ARCHITECTURES", "olmo_arch"]
