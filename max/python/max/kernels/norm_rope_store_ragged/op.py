"""Schema of `max::norm_rope_store_ragged`."""

from __future__ import annotations

from typing import Any

import torch

from max.kernels.facts import NativeCall
from max.kernels.norm_rope_store_ragged.reference import norm_rope_store_ragged_reference
from max.kernels.registry import define_op, extend_facts, implement_on_gpu
from max.kernels.rope_store_ragged import rope_store_ragged


def _fake(q: torch.Tensor, *rest: Any) -> torch.Tensor:
    return q.new_empty(q.shape)


norm_rope_store_ragged = define_op(
    "norm_rope_store_ragged(Tensor q, Tensor k, Tensor v, Tensor q_weight, Tensor k_weight,"
    " float eps, float weight_offset, bool multiply_before_cast, Tensor input_row_offsets,"
    " Tensor? freqs_cis, Tensor(a!) kv_blocks, Tensor cache_lengths, Tensor lookup_table,"
    " int layer, bool interleaved) -> Tensor",
    reference=norm_rope_store_ragged_reference,
    fake=_fake,
)
implement_on_gpu(norm_rope_store_ragged, norm_rope_store_ragged_reference)


def _with_norms(norms: Any, q: Any, k: Any, v: Any, *rest: Any) -> NativeCall | None:
    """The call that norms the heads of q and k on the way; None for norms that differ.

    Args:
        norms: the arguments of both calls of `max::rms_norm`, behind x.
        q: before the norm, as k.
        k: see q.
        v: the third argument of `max::rope_store_ragged`.
        rest: those behind it.
    """
    (q_weight, *own), (k_weight, *other) = norms
    if own != other:
        return None
    return NativeCall(norm_rope_store_ragged, (q, k, v, q_weight, k_weight, *own, *rest))


extend_facts(rope_store_ragged, with_norms=_with_norms)
