"""The documented attention layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from max.dtype import DType
from max.graph import DeviceRef, TensorValue, ops
from max.nn.attention.attention import QKV, Attention, per_head
from max.nn.attention.mask import Mask, MHAMaskVariant
from max.nn.kv_cache import KVCacheParams
from max.nn.linear import Linear
from max.nn.norm import RMSNorm
from max.nn.ragged_batch import RaggedBatch
from max.nn.rope import Rope
from max.nn.unsupported import reject_unsupported


class AttentionWithRope(Attention):
    """`Attention` with its documented arguments.

    Weights: `q_proj.weight`, `k_proj.weight`, `v_proj.weight` (or `qkv_proj.weight` when stacked),
    `o_proj.weight`; biases of the first three with `has_bias`, of the last with `has_output_bias`;
    and with `use_qk_norm` `q_norm.weight` and `k_norm.weight` [head_dim].

    Args:
        rope: the angles.
        num_attention_heads: query heads.
        num_key_value_heads: key and value heads; divides the query heads.
        hidden_size: size of x's last axis.
        kv_params: sizes of the cache.
        sharding_strategy: not supported in this release.
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
        rope: Rope,
        num_attention_heads: int,
        num_key_value_heads: int,
        hidden_size: int,
        kv_params: KVCacheParams,
        sharding_strategy: object = None,
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
        reject_unsupported(
            "AttentionWithRope", quant_config=quant_config, sharding_strategy=sharding_strategy
        )
        self.kv_params = kv_params
        self.clip_qkv = clip_qkv
        self.stacked_qkv = stacked_qkv
        self.use_qk_norm = use_qk_norm
        super().__init__(
            hidden_size=hidden_size,
            num_attention_heads=num_attention_heads,
            num_key_value_heads=num_key_value_heads,
            head_dim=kv_params.head_dim,
            rope=rope,
            mask=Mask.of(mask_variant, sliding_window),
            scale=scale,
            dtype=dtype,
            devices=devices,
            linear_cls=linear_cls,
            has_bias=has_bias,
            has_output_bias=has_output_bias,
        )
        if use_qk_norm:
            device = devices[0] if devices else DeviceRef.CPU()
            self.q_norm = RMSNorm(self.head_dim, dtype, rms_norm_eps, device=device)
            self.k_norm = RMSNorm(self.head_dim, dtype, rms_norm_eps, device=device)

    def make_projections(self, linear: Callable[..., Linear]) -> None:
        """See `Attention.make_projections`."""
        if self.stacked_qkv:
            self.qkv_proj = linear(out_dim=self.q_width + 2 * self.kv_width)
        else:
            super().make_projections(linear)

    def project(self, x: TensorValue) -> QKV:
        """See `Attention.project`."""
        if not self.stacked_qkv:
            return super().project(x)
        sizes = [self.q_width, self.kv_width, self.kv_width]
        return QKV(*ops.split(self.qkv_proj(x), sizes, axis=-1))

    def prepare(self, qkv: QKV) -> QKV:
        """Limits, then normalizes, as far as the arguments say."""
        q, k, v = qkv
        if (limit := self.clip_qkv) is not None:
            q, k, v = (ops.min(ops.max(t, -limit), limit) for t in qkv)
        if self.use_qk_norm:
            q, k = per_head(self.q_norm, q, self.head_dim), per_head(self.k_norm, k, self.head_dim)
        return QKV(q, k, v)

    def angles(self, q: TensorValue, batch: RaggedBatch[Any]) -> TensorValue | None:
        """Those that the caller hands over, as documented; else the table of `rope`."""
        return super().angles(q, batch) if batch.freqs_cis is None else batch.freqs_cis
