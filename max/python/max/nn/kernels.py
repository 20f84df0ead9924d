"""Operations of our own as layers call them (see `max.kernels` for what they compute)."""

from __future__ import annotations

from max import kernels
from max.graph import TensorValue, TensorValueLike, Weight, ops
from max.graph.call import call
from max.nn.attention.mask_config import MHAMaskVariant
from max.nn.kv_cache import KVCacheParams, PagedCacheValues
from max.nn.unsupported import reject_unsupported


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


def gated(gate: TensorValueLike, up: TensorValueLike, activation: str) -> TensorValue:
    """`activation(gate) * up`; activations: see `max.kernels.gated`."""
    return call("gated", kernels.gated, gate, up, activation)


def soft_cap(x: TensorValueLike, cap: float) -> TensorValue:
    """`cap * tanh(x / cap)`, computed in float32."""
    return call("soft_cap", kernels.elementwise, "soft_cap", x, None, [cap], None)


def last_rows(x: TensorValueLike, row_offsets: TensorValueLike) -> TensorValue:
    """The last row of each request: [rows, ...] and uint32 [batch + 1] -> [batch, ...]."""
    return call("last_rows", kernels.last_rows, x, row_offsets)


def quantized_matmul(x: TensorValueLike, weight: Weight) -> TensorValue:
    """`x @ weight.T` for a weight of encoded rows: [..., in] -> [..., out] of x's dtype."""
    return call("quantized_matmul", kernels.quantized_matmul, x, weight.packed, _encoding(weight))


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
    """Turns queries and keys by position and writes keys and values to the cache.

    Returns:
        The turned queries, shaped like q [rows, heads * head_dim].
    """
    return call(
        "rope_store_ragged",
        kernels.rope_store_ragged,
        q,
        k,
        v,
        input_row_offsets,
        freqs_cis,
        kv_collection.kv_blocks,
        kv_collection.cache_lengths,
        kv_collection.lookup_table,
        static_layer_index(layer_idx),
        interleaved,
    )


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
        interleaved: see `RotaryEmbedding`.
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
    sink_weights: TensorValue | None = None,
) -> TensorValue:
    """Attention of a ragged batch to the cache.

    Args:
        kv_params: sizes of the cache.
        input: queries, [rows, heads, head_dim] or [rows, heads * head_dim].
        input_row_offsets: uint32 [batch + 1].
        kv_collection: the cache, which holds the keys and values of these rows already.
        layer_idx: which layer of it.
        mask_variant: causal, sliding window causal, or none.
        scale: factor of the scores.
        local_window_size: positions that a row sees, with a sliding window.
        sink_weights: not supported in this release.

    Returns:
        Shaped like `input`.
    """
    reject_unsupported("flash_attention_ragged", sink_weights=sink_weights is not None)
    if mask_variant is MHAMaskVariant.CHUNKED_CAUSAL_MASK:
        reject_unsupported("flash_attention_ragged", mask_variant=mask_variant)
    windowed = "SLIDING_WINDOW" in mask_variant.name
    if windowed and local_window_size <= 0:
        raise ValueError(f"{mask_variant.name} needs local_window_size, got {local_window_size}")
    flat = input.reshape([-1, input.shape[-2] * input.shape[-1]]) if input.rank == 3 else input
    attended = call(
        "flash_attention_ragged",
        kernels.flash_attention_ragged,
        flat,
        input_row_offsets,
        kv_collection.kv_blocks,
        kv_collection.cache_lengths,
        kv_collection.lookup_table,
        static_layer_index(layer_idx),
        scale,
        mask_variant in (MHAMaskVariant.CAUSAL_MASK, MHAMaskVariant.SLIDING_WINDOW_CAUSAL_MASK),
        local_window_size if windowed else 0,
    )
    return attended.reshape(input.shape) if input.rank == 3 else attended


def static_layer_index(layer_idx: int | TensorValue) -> int:
    """The layer's number; packages also give it as `ops.constant(number, ...)`.

    Raises:
        ValueError: if it is a tensor that is not a constant.
    """
    if isinstance(layer_idx, int):
        return layer_idx
    if layer_idx.graph is None:
        return int(layer_idx.data.item())
    name = layer_idx.node.meta.get("name") if layer_idx.node is not None else None
    if name not in layer_idx.graph.constants:
        raise ValueError(f"layer_idx must be an int or ops.constant(...), got {layer_idx!r}")
    return int(layer_idx.graph.constants[name].item())
