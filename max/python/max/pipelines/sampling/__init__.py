"""Choosing tokens from logits."""

from max.pipelines.sampling.sampler import Sampler, SamplingBatch

__all__ = ["Sampler", "SamplingBatch"]
