"""Granite 3 and its relatives: Llama with a factor for each kind of value."""

from max.pipelines.architectures.granite.arch import granite_arch

ARCHITECTURES = [granite_arch]

__all__ = ["ARCHITECTURES", "granite_arch"]
