"""The block of OLMo 2."""

from __future__ import annotations

from typing import Any

from max.graph import TensorValue
from max.nn.cached_layer import CachedLayer, run_layer
from max.nn.kv_cache import CacheLayer
from max.nn.module import Module
from max.nn.ragged_batch import RaggedBatch


class PostNormBlock(CachedLayer):
    """`h = x + norm(attention(x)); h + norm(mlp(h))`.

    Args:
        attention: an `Attention`, or a layer that is called as documented.
        mlp: [rows, hidden] -> [rows, hidden].
        attention_norm: of what the attention gives; named `post_attention_layernorm`.
        mlp_norm: of what the mlp gives; named `post_feedforward_layernorm`.
    """

    def __init__(
        self, attention: Module, mlp: Module, attention_norm: Module, mlp_norm: Module
    ) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.post_attention_layernorm = attention_norm
        self.post_feedforward_layernorm = mlp_norm

    def forward(self, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """See `CachedLayer.forward`."""
        h = x + self.post_attention_layernorm(run_layer(self.self_attn, x, layer, batch))
        result: TensorValue = h + self.post_feedforward_layernorm(self.mlp(h))
        return result
