"""What `max::norm_rope_store_ragged` computes, in plain torch."""

from __future__ import annotations

import torch

from max.kernels.rms_norm.reference import rms_norm_reference
from max.kernels.rope_store_ragged.reference import rope_store_ragged_reference


def norm_rope_store_ragged_reference(
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
) -> torch.Tensor:
    """`max::rope_store_ragged` of queries and keys whose heads were normed by `max::rms_norm`.

    Args:
        q: as `max::rope_store_ragged` has it, before the norm, as k and v.
        k: see q.
        v: see q.
        q_weight: [head_dim], of the norm of queries.
        k_weight: [head_dim], of the norm of keys.
        eps: of both norms, as the two that follow.
        weight_offset: see `max::rms_norm`.
        multiply_before_cast: see `max::rms_norm`.
        input_row_offsets: see `max::rope_store_ragged`, as the rest.
        freqs_cis: see there.
        kv_blocks: see there; written to.
        cache_lengths: see there.
        lookup_table: see there.
        layer: see there.
        interleaved: see there.

    Returns:
        The turned queries, [rows, heads * head_dim].
    """
    rest = (eps, weight_offset, multiply_before_cast)
    q, k = (
        rms_norm_reference(x.unflatten(-1, (-1, len(weight))), weight, *rest).flatten(1)
        for x, weight in ((q, q_weight), (k, k_weight))
    )
    cache = (kv_blocks, cache_lengths, lookup_table, layer, interleaved)
    return rope_store_ragged_reference(q, k, v, input_row_offsets, freqs_cis, *cache)
