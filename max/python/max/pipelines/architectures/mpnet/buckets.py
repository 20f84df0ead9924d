"""The buckets of distances that have a bias each (Raffel et al., 2020, section 2.1)."""

from __future__ import annotations

import torch

SPAN = 128
"""Tokens that are as far away, or farther, are in the last bucket of their direction."""


def buckets_of_distances(num_buckets: int) -> torch.Tensor:
    """The bucket of each distance from a query to a key, -SPAN to SPAN: int64 [2 * SPAN + 1].

    Half of them are for keys behind the query. Of each half the first half are one distance each,
    the others grow by a factor.

    Args:
        num_buckets: all of them.
    """
    distance = torch.arange(-SPAN, SPAN + 1)
    half = num_buckets // 2
    single = half // 2
    far = distance.abs()
    growth = torch.log(far.clamp(min=1) / single) / torch.log(torch.tensor(SPAN / single))
    grown = (single + (growth * (half - single)).long()).clamp(max=half - 1)
    return half * (distance > 0) + torch.where(far < single, far, grown)
