"""Operations of our own as layers call them (see `max.kernels` for what they compute)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from max import kernels
from max.graph import TensorValue, TensorValueLike, Weight, ops
from max.graph.call import call
from max.nn.activations import activation_name
from max.nn.attention.mask import Mask, MHAMaskVariant
from max.nn.kv_cache import CacheLayer, KVCacheParams, PagedCacheValues, static_layer_index
from max.nn.ragged_batch import RaggedBatch

if TYPE_CHECKING:
    from max.nn.moe.routing import Routing


def rms_norm(
    x: TensorValueLike,
    weight: TensorValueLike,
    eps: float,
    weight_offset: float = 0.0,
    multiply_before_cast: bool = True,
) -> TensorValue:
    """Root mean square normalization of x's last axis."""
    return call("rms_norm", kernels.rms_norm, x, weight, eps, weight_offset, multiply_before_cast)


def swiglu(gate: TensorValueLike, up: TensorValueLike) -> TensorValue:
    """`silu(gate) * up`."""
    return gated(gate, up, "silu")


def soft_cap(x: TensorValueLike, cap: float) -> TensorValue:
    """`cap * tanh(x / cap)`, computed in float32."""
    return call("soft_cap", kernels.elementwise, x, None, "soft_cap", [cap])


def gated(gate: TensorValueLike, up: TensorValueLike, activation: str) -> TensorValue:
    """`activation(gate) * up`; see `max.nn.activations` for the names."""
    return call("gated", kernels.gated, gate, up, activation_name(activation))


def last_rows(x: TensorValueLike, row_offsets: TensorValueLike) -> TensorValue:
    """The last row of each request: [rows, ...] and uint32 [batch + 1] -> [batch, ...]."""
    return call("last_rows", kernels.last_rows, x, row_offsets)


def quantized_matmul(x: TensorValueLike, weight: Weight) -> TensorValue:
    """`x @ weight.T` for a weight of encoded rows: [..., in] -> [..., out] of x's dtype."""
    return call("quantized_matmul", kernels.quantized_matmul, x, weight.packed, _encoding(weight))


def scaled_matmul(x: TensorValueLike, weight: Weight, scale: Weight) -> TensorValue:
    """`x @ (weight * scale).T` for small floats with factors: [..., in] -> [..., out]."""
    return call("scaled_matmul", kernels.scaled_matmul, x, weight, scale)


def quantized_embedding(weight: Weight, indices: TensorValueLike) -> TensorValue:
    """The rows that indices name of a table of encoded rows: [...] -> [..., row]."""
    dtype = weight.dtype.to_torch()
    return call(
        "quantized_embedding",
        kernels.quantized_embedding,
        weight.packed,
        indices,
        _encoding(weight),
        dtype,
    )


def _encoding(weight: Weight) -> str:
    assert weight.quantization_encoding is not None
    return weight.quantization_encoding.value


def route_tokens(logits: TensorValue, correction: Weight | None, routing: Routing) -> TensorValue:
    """Each row's experts and their weights: [rows, experts] -> float32 [rows, 2 * top_k]."""
    return call(
        "route_tokens",
        kernels.route_tokens,
        logits,
        correction,
        routing.top_k,
        routing.scores,
        routing.groups,
        routing.top_groups,
        routing.best_of_group,
        routing.renormalizes,
        routing.scale,
        routing.jitter,
    )


def experts(
    x: TensorValue,
    routes: TensorValue,
    matrices: Sequence[Weight],
    biases: Sequence[Weight | None],
    *,
    experts: int,
    width: int,
    activation: str,
    limit: float,
    scales_input: bool,
    adapter_of_row: TensorValue | None = None,
    adapters: Sequence[torch.Tensor] = (),
) -> TensorValue:
    """The sum of what each row's experts give for it; see `max.kernels.experts`.

    Args:
        x: [rows, hidden].
        routes: from `route_tokens`.
        matrices: gate, up and down of all experts.
        biases: theirs.
        experts: how many.
        width: of the layer between.
        activation: of that layer.
        limit: of gate and up; 0 for none.
        scales_input: whether weights multiply what experts read.
        adapter_of_row: int32 [rows, 1], 0 for none; None without adapters.
        adapters: their tables.
    """
    stored = [(each.quantization_encoding or each.dtype).value for each in matrices]
    return call(
        "experts",
        kernels.experts,
        x,
        routes,
        adapter_of_row,
        *(each.packed for each in matrices),
        list(biases),
        list(adapters),
        stored,
        [False] * len(matrices),
        experts,
        width,
        activation,
        limit,
        scales_input,
    )


def head_linear(x: TensorValue, weight: Weight) -> TensorValue:
    """A linear layer of each head: [rows, heads * width] -> [rows, heads * out].

    Args:
        x: of each head the first elements are read.
        weight: [heads, out, in].
    """
    heads, out, columns = weight.shape.static_dims
    stored = (weight.quantization_encoding or weight.dtype).value
    return call(
        "head_linear",
        kernels.head_linear,
        x,
        weight.packed,
        heads,
        columns,
        out,
        stored,
        False,
    )


class LatentEntry(NamedTuple):
    """What a row's entry of a cache of latents is made of; see `max.kernels.latent_store_ragged`.

    Attributes:
        kv: [rows, rank + turned].
        weight: of the latents' norm.
        eps: of that norm.
        interleaved: see `Rope`.
    """

    kv: TensorValue
    weight: TensorValueLike
    eps: float
    interleaved: bool


def latent_store(
    q: TensorValue,
    absorbed: TensorValue,
    entry: LatentEntry,
    layer: CacheLayer,
    batch: RaggedBatch[Any],
    freqs_cis: TensorValue,
    heads: int,
) -> TensorValue:
    """Writes each row's latent, and gives the queries that meet latents.

    Args:
        q: [rows, heads * q_width].
        absorbed: [rows, heads * rank].
        entry: what is written.
        layer: where.
        batch: which rows are whose.
        freqs_cis: from `Rope.table`.
        heads: query heads.
    """
    cache = layer.values
    return call(
        "latent_store_ragged",
        kernels.latent_store_ragged,
        q,
        absorbed,
        entry.kv,
        entry.weight,
        entry.eps,
        heads,
        batch.row_offsets,
        freqs_cis,
        cache.kv_blocks,
        cache.cache_lengths,
        cache.lookup_table,
        layer.index,
        entry.interleaved,
    )


def rope_store(
    q: TensorValue,
    k: TensorValue,
    v: TensorValue,
    layer: CacheLayer,
    batch: RaggedBatch[Any],
    freqs_cis: TensorValue | None,
    interleaved: bool,
) -> TensorValue:
    """Turns queries and keys by position and writes keys and values to the cache.

    Args:
        q: [rows, heads * head_dim].
        k: [rows, kv_heads * head_dim].
        v: [rows, kv_heads * head_dim].
        layer: where they are written.
        batch: which rows are whose.
        freqs_cis: from `Rope.table`; None if queries and keys are not turned.
        interleaved: see `Rope`.

    Returns:
        The turned queries, shaped like q.
    """
    cache = layer.values
    return call(
        "rope_store_ragged",
        kernels.rope_store_ragged,
        q,
        k,
        v,
        batch.row_offsets,
        freqs_cis,
        cache.kv_blocks,
        cache.cache_lengths,
        cache.lookup_table,
        layer.index,
        interleaved,
    )


def attend(
    q: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any], mask: Mask, scale: float
) -> TensorValue:
    """Attention of a ragged batch to the cache, which holds its keys and values already.

    Args:
        q: [rows, heads * head_dim].
        layer: what is attended to.
        batch: which rows are whose.
        mask: which positions a row sees.
        scale: factor of the scores.

    Returns:
        Shaped like q.

    Raises:
        ValueError: if a row sees tokens whose pages the cache gives away.
    """
    window = layer.values.window
    if window is not None and (mask.reach is None or mask.reach > window):
        raise ValueError(
            f"attention by {mask}, but the cache keeps only the last {window} tokens of this "
            "layer: the windows of the cache's parameters and of the layers' masks must be the same"
        )
    cache = layer.values
    return call(
        "flash_attention_ragged",
        kernels.flash_attention_ragged,
        q,
        batch.row_offsets,
        cache.kv_blocks,
        cache.cache_lengths,
        cache.lookup_table,
        layer.index,
        scale,
        mask.causal,
        mask.window,
        mask.chunk,
        mask.softcap,
        mask.sinks,
        mask.bias,
    )


def rope_store_ragged(
    q: TensorValue,
    k: TensorValue,
    v: TensorValue,
    input_row_offsets: TensorValue,
    freqs_cis: TensorValue,
    kv_collection: PagedCacheValues,
    layer_idx: int | TensorValue,
    interleaved: bool = True,
) -> TensorValue:
    """`rope_store` in the documented form."""
    layer = kv_collection.layer(static_layer_index(layer_idx))
    batch = RaggedBatch.of_rows(input_row_offsets, freqs_cis)
    return rope_store(q, k, v, layer, batch, freqs_cis, interleaved)


def rope_split_store_ragged(
    kv_params: KVCacheParams,
    qkv: TensorValue,
    input_row_offsets: TensorValue,
    freqs_cis: TensorValue,
    kv_collection: PagedCacheValues,
    layer_idx: int | TensorValue,
    n_heads: int,
    interleaved: bool = True,
) -> TensorValue:
    """`rope_store_ragged` of queries, keys and values that stand side by side.

    Args:
        kv_params: sizes of the cache.
        qkv: [rows, (n_heads + 2 * kv_heads) * head_dim].
        input_row_offsets: uint32 [batch + 1].
        freqs_cis: from `RotaryEmbedding.freqs_cis`.
        kv_collection: the cache.
        layer_idx: which layer of it.
        n_heads: query heads.
        interleaved: see `Rope`.
    """
    q_width = n_heads * kv_params.head_dim
    kv_width = kv_params.n_kv_heads * kv_params.head_dim
    q, k, v = ops.split(qkv, [q_width, kv_width, kv_width], axis=-1)
    return rope_store_ragged(
        q, k, v, input_row_offsets, freqs_cis, kv_collection, layer_idx, interleaved
    )


def flash_attention_ragged(
    kv_params: KVCacheParams,
    input: TensorValue,
    input_row_offsets: TensorValue,
    kv_collection: PagedCacheValues,
    layer_idx: int | TensorValue,
    mask_variant: MHAMaskVariant,
    scale: float,
    local_window_size: int = -1,
    sink_weights: Weight | None = None,
) -> TensorValue:
    """`attend` in the documented form.

    Args:
        kv_params: sizes of the cache.
        input: queries, [rows, heads, head_dim] or [rows, heads * head_dim].
        input_row_offsets: uint32 [batch + 1].
        kv_collection: the cache.
        layer_idx: which layer of it.
        mask_variant: which positions a row sees.
        scale: factor of the scores.
        local_window_size: positions that a row sees, with a sliding window or a chunk.
        sink_weights: see `Mask`.

    Returns:
        Shaped like `input`.
    """
    mask = replace(Mask.of(mask_variant, local_window_size), sinks=sink_weights)
    layer = kv_collection.layer(static_layer_index(layer_idx))
    batch = RaggedBatch.of_rows(input_row_offsets)
    flat = input.reshape([-1, input.shape[-2] * input.shape[-1]]) if input.rank == 3 else input
    attended = attend(flat, layer, batch, mask, scale)
    return attended.reshape(input.shape) if input.rank == 3 else attended
