"""The Llama 4 decoder."""

from __future__ import annotations

from typing import Any

import torch

from max.driver import Buffer
from max.graph import TensorValue, ops
from max.nn import Attention, Module, Rope, kernels
from max.nn.attention import QKV
from max.nn.attention.attention import per_head
from max.pipelines.architectures.llama4.model_config import Llama4Config
from max.pipelines.architectures.ministral3.ministral3 import GrowingQueries
from max.pipelines.lib.expert_layers import ExpertDecoder


class UnitNorm(Module):
    """An RMS norm without a weight.

    Args:
        ones: [dim], in its place.
        eps: keeps the root away from zero.
    """

    def __init__(self, ones: Buffer, eps: float) -> None:
        super().__init__()
        self.ones = ones
        self.eps = eps

    def __call__(self, x: TensorValue) -> TensorValue:
        """x: [..., dim] -> the same shape and dtype."""
        return kernels.rms_norm(x, ops.constant(self.ones, device=x.device), self.eps, 0.0, False)


class UnitAttention(Attention):
    """Normalizes each head's queries and keys, without weights.

    Args:
        norm: over head_dim. What is turned afterwards keeps its length, so that the order of the
            two, which is the other one in the reference, does not matter.
        settings: of `Attention`.
    """

    def __init__(self, norm: UnitNorm, **settings: Any) -> None:
        super().__init__(**settings)
        self.norm = norm

    def prepare(self, qkv: QKV) -> QKV:
        """See `Attention.prepare`."""
        q, k = (per_head(self.norm, each, self.head_dim) for each in (qkv.q, qkv.k))
        return QKV(q, k, qkv.v)


class Llama4(ExpertDecoder[Llama4Config]):
    """Experts, heads of unit length that are turned, and others that grow with their positions."""

    def __init__(self, config: Llama4Config) -> None:
        steps = torch.arange(1, config.max_seq_len + 1) // config.growth_step
        factors = 1 + config.query_growth * torch.log1p(steps.float())
        ones = torch.ones(config.kv_params.head_dim)
        self._factors = _constant(factors[:, None], config)
        self._ones = _constant(ones, config)
        super().__init__(config)

    def make_attention(self, config: Llama4Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        settings = self.attention_settings(config, rope, index)
        if rope is None and config.query_growth:
            return GrowingQueries(self._factors, **settings)
        if rope is not None and config.normalizes_heads:
            assert config.rms_norm_eps is not None
            return UnitAttention(UnitNorm(self._ones, config.rms_norm_eps), **settings)
        return Attention(**settings)


def _constant(values: torch.Tensor, config: Llama4Config) -> Buffer:
    return Buffer(values.to(config.devices[0].to_torch(), config.dtype.to_torch()))
