"""Self-attention over the paged cache, in four steps that a family may override."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from max.dtype import DType
from max.graph import DeviceRef, TensorValue
from max.nn import kernels
from max.nn.attention.mask import CAUSAL, Mask
from max.nn.cached_layer import CachedLayer
from max.nn.kv_cache import CacheLayer
from max.nn.linear import Linear
from max.nn.module import Module
from max.nn.ragged_batch import RaggedBatch
from max.nn.rope import Rope


class QKV(NamedTuple):
    """Queries [rows, heads * head_dim], keys and values [rows, kv_heads * head_dim]."""

    q: TensorValue
    k: TensorValue
    v: TensorValue


class Attention(CachedLayer):
    """Attention of grouped queries (Ainslie et al., 2023).

    `finish(attend(prepare(project(x))))`: a family overrides the steps in which it differs.

    Weights: `q_proj`, `k_proj`, `v_proj`, `o_proj`.

    Args:
        hidden_size: size of x's last axis.
        num_attention_heads: query heads.
        num_key_value_heads: key and value heads; divides the query heads.
        head_dim: elements of a head.
        rope: the angles by which queries and keys are turned; None for those that are handed over.
        mask: which positions a query sees.
        scale: factor of the scores; `1 / sqrt(head_dim)` unless given.
        dtype: of the weights.
        devices: where the weights live; one device, the host unless given.
        linear_cls: makes the projections.
        has_bias: whether the q, k, v projections have biases.
        has_output_bias: whether the output projection has one.
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        num_attention_heads: int,
        num_key_value_heads: int,
        head_dim: int,
        rope: Rope | None = None,
        mask: Mask = CAUSAL,
        scale: float | None = None,
        dtype: DType = DType.float32,
        devices: Sequence[DeviceRef] | None = None,
        linear_cls: Callable[..., Linear] = Linear,
        has_bias: bool = False,
        has_output_bias: bool = False,
    ) -> None:
        super().__init__()
        if num_attention_heads % num_key_value_heads:
            raise ValueError(
                f"num_attention_heads {num_attention_heads} is no multiple of "
                f"num_key_value_heads {num_key_value_heads}"
            )
        self.rope = rope
        self.mask = mask
        self.n_heads = num_attention_heads
        self.head_dim = head_dim
        self.scale = head_dim**-0.5 if scale is None else scale
        self.q_width = num_attention_heads * head_dim
        self.kv_width = num_key_value_heads * head_dim
        linear = partial(linear_cls, dtype=dtype, device=(devices or [DeviceRef.CPU()])[0])
        self.make_projections(partial(linear, in_dim=hidden_size, has_bias=has_bias))
        self.o_proj = linear(in_dim=self.q_width, out_dim=hidden_size, has_bias=has_output_bias)

    def make_projections(self, linear: Callable[..., Linear]) -> None:
        """Makes what `project` computes with; `linear` takes `out_dim`."""
        self.q_proj = linear(out_dim=self.q_width)
        self.k_proj = linear(out_dim=self.kv_width)
        self.v_proj = linear(out_dim=self.kv_width)

    def forward(self, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """See `CachedLayer.forward`."""
        return self.finish(self.attend(self.prepare(self.project(x)), layer, batch), x)

    def project(self, x: TensorValue) -> QKV:
        """Queries, keys and values of x [rows, hidden_size]."""
        return QKV(self.q_proj(x), self.k_proj(x), self.v_proj(x))

    def prepare(self, qkv: QKV) -> QKV:
        """What is done to them before they are turned: norms, limits; here nothing."""
        return qkv

    def attend(self, qkv: QKV, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """Turns queries and keys, stores keys and values, attends: [rows, heads * head_dim]."""
        interleaved = self.rope is not None and self.rope.interleaved
        q = kernels.rope_store(*qkv, layer, batch, self.angles(qkv.q, batch), interleaved)
        return kernels.attend(q, layer, batch, self.mask, self.scale)

    def angles(self, q: TensorValue, batch: RaggedBatch[Any]) -> TensorValue | None:
        """The table of `rope`; without one, what the caller hands over."""
        return batch.freqs_cis if self.rope is None else self.rope.table(q.device)

    def finish(self, attended: TensorValue, x: TensorValue) -> TensorValue:
        """From what was attended, and the layer's input for those that gate with it, to the sum."""
        return self.o_proj(attended)


def per_head(layer: Module, x: TensorValue, head_dim: int) -> TensorValue:
    """Applies a layer over head_dim to each head of x [rows, heads * head_dim], a norm say."""
    heads = x.reshape([-1, x.shape[-1] // head_dim, head_dim])
    result: TensorValue = layer(heads).reshape(x.shape)
    return result
