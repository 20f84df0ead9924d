"""ModernBERT: an encoder with rotary positions, gated MLPs, and windows in most layers."""

from max.pipelines.architectures.modernbert.arch import modernbert_arch

ARCHITECTURES = [modernbert_arch]

__all__ = ["ARCHITECTURES", "modernbert_arch"]
