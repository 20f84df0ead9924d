"""Granite with experts."""

from max.pipelines.architectures.granitemoe.arch import granitemoe_arch

ARCHITECTURES = [granitemoe_arch]

__all__ = ["ARCHITECTURES", "granitemoe_arch"]
