"""Self-attention with rotary position embedding over the paged KV cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, ops
from max.nn import kernels
from max.nn.attention.mask_config import MHAMaskVariant
from max.nn.kv_cache import KVCacheParams, PagedCacheValues
from max.nn.linear import Linear
from max.nn.module import Module
from max.nn.norm import RMSNorm
from max.nn.rotary_embedding import RotaryEmbedding
from max.nn.unsupported import reject_unsupported


class AttentionWithRope(Module):
    """Multi-head attention of grouped queries (Ainslie et al., 2023).

    Weights: `q_proj.weight`, `k_proj.weight`, `v_proj.weight` (or `qkv_proj.weight` when stacked),
    `o_proj.weight`; biases of the first three with `has_bias`, of the last with `has_output_bias`;
    and with `use_qk_norm` `q_norm.weight` and `k_norm.weight` [head_dim].

    Args:
        rope: the angles.
        num_attention_heads: query heads.
        num_key_value_heads: key and value heads; divides the query heads.
        hidden_size: size of x's last axis.
        kv_params: sizes of the cache.
        devices: where the weights live; one device, the host unless given.
        dtype: of the weights.
        linear_cls: makes the projections.
        stacked_qkv: whether the checkpoint has one stacked projection of queries, keys, values.
        scale: factor of the scores; `1 / sqrt(head_dim)` unless given.
        has_bias: whether the q, k, v projections have biases.
        quant_config: not supported in this release.
        clip_qkv: limit of the magnitude of queries, keys and values.
        use_qk_norm: whether each head's queries and keys are normalized before they are turned.
        rms_norm_eps: of that normalization.
        mask_variant: which positions a query sees.
        sliding_window: positions that it sees under a sliding window mask.
        has_output_bias: whether the output projection has a bias.
    """

    def __init__(
        self,
        *,
        rope: RotaryEmbedding,
        num_attention_heads: int,
        num_key_value_heads: int,
        hidden_size: int,
        kv_params: KVCacheParams,
        devices: Sequence[DeviceRef] | None = None,
        dtype: DType = DType.float32,
        linear_cls: Callable[..., Linear] = Linear,
        stacked_qkv: bool = False,
        scale: float | None = None,
        has_bias: bool = False,
        quant_config: object = None,
        clip_qkv: float | None = None,
        use_qk_norm: bool = False,
        rms_norm_eps: float = 1e-6,
        mask_variant: MHAMaskVariant = MHAMaskVariant.CAUSAL_MASK,
        sliding_window: int | None = None,
        has_output_bias: bool = False,
    ) -> None:
        super().__init__()
        reject_unsupported("AttentionWithRope", quant_config=quant_config)
        if num_attention_heads % num_key_value_heads:
            raise ValueError(
                f"num_attention_heads {num_attention_heads} is no multiple of "
                f"num_key_value_heads {num_key_value_heads}"
            )
        self.rope = rope
        self.kv_params = kv_params
        self.n_heads = num_attention_heads
        self.scale = scale if scale is not None else kv_params.head_dim**-0.5
        self.clip_qkv = clip_qkv
        self.stacked_qkv = stacked_qkv
        self.use_qk_norm = use_qk_norm
        self.mask_variant = mask_variant
        self.sliding_window = sliding_window
        device = devices[0] if devices else DeviceRef.CPU()
        self.q_width = num_attention_heads * kv_params.head_dim
        self.kv_width = num_key_value_heads * kv_params.head_dim

        linear = partial(linear_cls, dtype=dtype, device=device)
        project = partial(linear, in_dim=hidden_size, has_bias=has_bias)
        if stacked_qkv:
            self.qkv_proj = project(out_dim=self.q_width + 2 * self.kv_width)
        else:
            self.q_proj = project(out_dim=self.q_width)
            self.k_proj = project(out_dim=self.kv_width)
            self.v_proj = project(out_dim=self.kv_width)
        self.o_proj = linear(in_dim=self.q_width, out_dim=hidden_size, has_bias=has_output_bias)
        if use_qk_norm:
            self.q_norm = RMSNorm(kv_params.head_dim, dtype, rms_norm_eps, device=device)
            self.k_norm = RMSNorm(kv_params.head_dim, dtype, rms_norm_eps, device=device)

    def __call__(
        self,
        layer_idx: int | TensorValue,
        x: TensorValue,
        kv_collection: PagedCacheValues,
        freqs_cis: TensorValue,
        input_row_offsets: TensorValue,
    ) -> TensorValue:
        """Attends and writes this layer's keys and values to the cache.

        Args:
            layer_idx: which layer of the cache.
            x: [rows, hidden_size].
            kv_collection: the cache.
            freqs_cis: from `RotaryEmbedding.freqs_cis`.
            input_row_offsets: uint32 [batch + 1], each request's rows.

        Returns:
            [rows, hidden_size].
        """
        q, k, v = self.project_qkv(x)
        if self.clip_qkv is not None:
            limit = self.clip_qkv
            q, k, v = (ops.min(ops.max(t, -limit), limit) for t in (q, k, v))
        if self.use_qk_norm:
            q, k = self._per_head(self.q_norm, q), self._per_head(self.k_norm, k)
        q = kernels.rope_store_ragged(
            q, k, v, input_row_offsets, freqs_cis, kv_collection, layer_idx, self.rope.interleaved
        )
        attended = kernels.flash_attention_ragged(
            self.kv_params,
            q,
            input_row_offsets,
            kv_collection,
            layer_idx,
            self.mask_variant,
            self.scale,
            self.sliding_window or -1,
        )
        return self.o_proj(attended)

    def project_qkv(self, x: TensorValue) -> tuple[TensorValue, TensorValue, TensorValue]:
        """Queries [rows, heads * head_dim], keys and values [rows, kv_heads * head_dim]."""
        if not self.stacked_qkv:
            return self.q_proj(x), self.k_proj(x), self.v_proj(x)
        sizes = [self.q_width, self.kv_width, self.kv_width]
        q, k, v = ops.split(self.qkv_proj(x), sizes, axis=-1)
        return q, k, v

    def _per_head(self, norm: RMSNorm, x: TensorValue) -> TensorValue:
        return norm(
            x.reshape([-1, x.shape[-1] // norm.weight.shape[0], norm.weight.shape[0]])
        ).reshape(x.shape)
