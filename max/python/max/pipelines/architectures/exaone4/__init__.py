"""EXAONE 4: norms after attention and MLP and of each head; only windowed layers have angles."""

from max.pipelines.architectures.exaone4.arch import exaone4_arch

ARCHITECTURES = [exaone4_arch]

__all__ = ["ARCHITECTURES", "exaone4_arch"]
