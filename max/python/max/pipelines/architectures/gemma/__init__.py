"""Gemma: scaled embeddings, norms whose weights are stored less one."""

from max.pipelines.architectures.gemma.arch import gemma_arch

ARCHITECTURES = [gemma_arch]

__all__ = ["ARCHITECTURES", "gemma_arch"]
