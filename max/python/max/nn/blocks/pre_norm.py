"""The block of Llama and most decoders."""

from __future__ import annotations

from typing import Any

from max.graph import TensorValue
from max.nn.cached_layer import CachedLayer, run_layer
from max.nn.kv_cache import CacheLayer
from max.nn.module import Module
from max.nn.ragged_batch import RaggedBatch


class PreNormBlock(CachedLayer):
    """`h = x + attention(norm(x)); h + mlp(norm(h))`, under its documented name `TransformerBlock`.

    Args:
        attention: an `Attention`, or a layer that is called as documented.
        mlp: [rows, hidden] -> [rows, hidden].
        attention_norm: before the attention; named `input_layernorm`.
        mlp_norm: before the mlp; named `post_attention_layernorm`.
        residual_multiplier: factor of what attention and mlp add.
    """

    def __init__(
        self,
        attention: Module,
        mlp: Module,
        attention_norm: Module,
        mlp_norm: Module,
        residual_multiplier: float = 1.0,
    ) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.input_layernorm = attention_norm
        self.post_attention_layernorm = mlp_norm
        self.residual_multiplier = residual_multiplier

    def forward(self, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """See `CachedLayer.forward`."""
        h = x + self._scaled(run_layer(self.self_attn, self.input_layernorm(x), layer, batch))
        return h + self._scaled(self.mlp(self.post_attention_layernorm(h)))

    def _scaled(self, x: TensorValue) -> TensorValue:
        return x if self.residual_multiplier == 1.0 else x * self.residual_multiplier
