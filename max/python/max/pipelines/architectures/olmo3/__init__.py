"""OLMo 3: OLMo 2 with windows in three of four layers, and angles by the kind of layer."""

from max.pipelines.architectures.olmo3.arch import olmo3_arch

ARCHITECTURES = [olmo3_arch]

__all__ = ["ARCHITECTURES", "olmo3_arch"]
