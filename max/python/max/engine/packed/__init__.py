"""Weights on disk as kernels read them, so that a start maps them instead of laying them out."""

from max.engine.packed.store import PackedWeights

__all__ = ["PackedWeights"]
