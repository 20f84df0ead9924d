"""Attention to compressed keys and values, which all heads share in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, Weight
from max.nn import kernels
from max.nn.attention.mask import CAUSAL, Mask
from max.nn.cached_layer import CachedLayer
from max.nn.kv_cache import CacheLayer
from max.nn.linear import Linear
from max.nn.module import Module
from max.nn.norm import RMSNorm
from max.nn.ragged_batch import RaggedBatch
from max.nn.rope import Rope

# Of the norms of compressed queries, keys and values, whatever config.json says of the others'.
_EPS = 1e-6


class HeadLinear(Module):
    """A linear layer of each head, without biases. Weight: `weight` [heads, out_dim, in_dim].

    Args:
        heads: how many.
        in_dim: elements that are read of each head; the first ones.
        out_dim: elements that each head gives.
        dtype: of the weight.
        device: where it lives.
    """

    def __init__(
        self, heads: int, in_dim: int, out_dim: int, dtype: DType, device: DeviceRef
    ) -> None:
        super().__init__()
        self.weight = Weight("weight", dtype, [heads, out_dim, in_dim], device)

    def __call__(self, x: TensorValue) -> TensorValue:
        """x: [rows, heads * width] -> [rows, heads * out_dim]."""
        return kernels.head_linear(x, self.weight)


class LatentAttention(CachedLayer):
    """Multi-head latent attention (DeepSeek-V2, 2024), absorbed: no key or value is ever expanded.

    A head's key is `k_b` transposed times the latent, so its query times `k_b` meets the latent
    itself; what it has attended to is a latent, of which `v_b` makes the value.

    Weights: `q_proj`, or `q_a_proj`, `q_a_norm` and `q_b_proj`; `kv_a_proj`, `kv_a_norm`; `k_b`
    [heads, rank, nope], `v_b` [heads, value, rank]; `o_proj`.

    Args:
        hidden_size: size of x's last axis.
        heads: query heads.
        rank: elements of a latent.
        query_rank: elements of a compressed query; None if queries are not compressed.
        nope: elements of a head's query that are not turned.
        turned: those that are, and elements of the key that all heads share.
        value: elements of a head's value.
        rope: the angles.
        scale: factor of the scores.
        dtype: of the weights.
        devices: where the weights live; one device.
        has_bias: whether the projections from and to the residual stream have biases.
        mask: which positions a query sees.
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        heads: int,
        rank: int,
        query_rank: int | None,
        nope: int,
        turned: int,
        value: int,
        rope: Rope,
        scale: float,
        dtype: DType,
        devices: Sequence[DeviceRef],
        has_bias: bool = False,
        mask: Mask = CAUSAL,
    ) -> None:
        super().__init__()
        device = devices[0]
        linear = partial(Linear, dtype=dtype, device=device)
        norm = partial(RMSNorm, dtype=dtype, eps=_EPS, multiply_before_cast=False, device=device)
        q_width = heads * (nope + turned)
        self.is_compressed = query_rank is not None
        if query_rank is None:
            self.q_proj = linear(hidden_size, q_width)
        else:
            self.q_a_proj = linear(hidden_size, query_rank, has_bias=has_bias)
            self.q_a_norm = norm(query_rank)
            self.q_b_proj = linear(query_rank, q_width)
        self.kv_a_proj = linear(hidden_size, rank + turned, has_bias=has_bias)
        self.kv_a_norm = norm(rank)
        self.k_b = HeadLinear(heads, nope, rank, dtype, device)
        self.v_b = HeadLinear(heads, rank, value, dtype, device)
        self.o_proj = linear(heads * value, hidden_size, has_bias=has_bias)
        self.heads = heads
        self.rope = rope
        self.mask = mask
        self.scale = scale

    def forward(self, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """See `CachedLayer.forward`."""
        q = self.queries(x)
        entry = kernels.LatentEntry(
            self.kv_a_proj(x), self.kv_a_norm.weight, _EPS, self.rope.interleaved
        )
        angles = self.rope.table(x.device)
        query = kernels.latent_store(q, self.k_b(q), entry, layer, batch, angles, self.heads)
        attended = kernels.attend(query, layer, batch, self.mask, self.scale)
        result: TensorValue = self.o_proj(self.v_b(attended))
        return result

    def queries(self, x: TensorValue) -> TensorValue:
        """[rows, heads * (nope + turned)]."""
        if not self.is_compressed:
            return self.q_proj(x)
        result: TensorValue = self.q_b_proj(self.q_a_norm(self.q_a_proj(x)))
        return result
