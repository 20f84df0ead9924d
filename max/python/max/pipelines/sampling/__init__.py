"""Choosing tokens from logits."""

from max.pipelines.sampling.sampler import Sampler

__all__ = ["Sampler"]
