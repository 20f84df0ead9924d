"""Norms of heads, rotation and the way into the cache on a GPU, in one pass."""

from __future__ import annotations

import torch

from max.kernels.rope_store_ragged.triton import HeadNorms, rope_and_store


def run_on_gpu(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    q_weight: torch.Tensor,
    k_weight: torch.Tensor,
    eps: float,
    weight_offset: float,
    multiply_before_cast: bool,
    input_row_offsets: torch.Tensor,
    freqs_cis: torch.Tensor | None,
    kv_blocks: torch.Tensor,
    cache_lengths: torch.Tensor,
    lookup_table: torch.Tensor,
    layer: int,
    interleaved: bool,
) -> torch.Tensor | None:
    """See `norm_rope_store_ragged_reference`; None as in `max::rope_store_ragged`."""
    norms = HeadNorms(q_weight, k_weight, eps, weight_offset, multiply_before_cast)
    cache = (kv_blocks, cache_lengths, lookup_table, layer, interleaved)
    return rope_and_store(norms, q, k, v, input_row_offsets, freqs_cis, *cache)
