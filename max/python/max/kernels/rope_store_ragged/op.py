"""Schema of `max::rope_store_ragged`."""

from __future__ import annotations

import torch

from max.kernels.eight_bit_entries import entry_elements
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu
from max.kernels.rope_store_ragged.cpu import make_rope_store_ragged_record
from max.kernels.rope_store_ragged.reference import rope_store_ragged_reference


def _fake(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    input_row_offsets: torch.Tensor,
    freqs_cis: torch.Tensor | None,
    kv_blocks: torch.Tensor,
    cache_lengths: torch.Tensor,
    lookup_table: torch.Tensor,
    layer: int,
    interleaved: bool,
) -> torch.Tensor:
    kv_heads, head_dim = kv_blocks.shape[-2], entry_elements(kv_blocks)
    torch._check(
        k.shape[-1] == kv_heads * head_dim and v.shape[-1] == kv_heads * head_dim,
        lambda: (
            f"the cache holds {kv_heads} heads of {head_dim}; k has {k.shape[-1]} columns, "
            f"v has {v.shape[-1]}"
        ),
    )
    torch._check(
        q.shape[-1] % head_dim == 0,
        lambda: f"q has {q.shape[-1]} columns, no multiple of head_dim {head_dim}",
    )
    if freqs_cis is not None:
        turned = freqs_cis.shape[1] * 2
        torch._check(
            turned <= head_dim,
            lambda: f"freqs_cis turns {turned} elements of a head of {head_dim}",
        )
    return q.new_empty(q.shape)


rope_store_ragged = define_op(
    "rope_store_ragged(Tensor q, Tensor k, Tensor v, Tensor input_row_offsets, Tensor? freqs_cis,"
    " Tensor(a!) kv_blocks, Tensor cache_lengths, Tensor lookup_table, int layer, bool interleaved)"
    " -> Tensor",
    reference=rope_store_ragged_reference,
    fake=_fake,
)
implement_on_cpu(rope_store_ragged, make_rope_store_ragged_record, rope_store_ragged_reference)
implement_on_gpu(rope_store_ragged, rope_store_ragged_reference)
