"""The block of Gemma 2 and later."""

from __future__ import annotations

from typing import Any

from max.graph import TensorValue
from max.nn.cached_layer import CachedLayer, run_layer
from max.nn.kv_cache import CacheLayer
from max.nn.module import Module
from max.nn.ragged_batch import RaggedBatch


class SandwichBlock(CachedLayer):
    """`h = x + norm(attention(norm(x))); h + norm(mlp(norm(h)))`.

    Args:
        attention: an `Attention`, or a layer that is called as documented.
        mlp: [rows, hidden] -> [rows, hidden].
        norms: before and after the attention, before and after the mlp; named `input_layernorm`,
            `post_attention_layernorm`, `pre_feedforward_layernorm`, `post_feedforward_layernorm`.
    """

    def __init__(
        self, attention: Module, mlp: Module, norms: tuple[Module, Module, Module, Module]
    ) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.input_layernorm, self.post_attention_layernorm = norms[:2]
        self.pre_feedforward_layernorm, self.post_feedforward_layernorm = norms[2:]

    def forward(self, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """See `CachedLayer.forward`."""
        attended = run_layer(self.self_attn, self.input_layernorm(x), layer, batch)
        h = x + self.post_attention_layernorm(attended)
        added = self.mlp(self.pre_feedforward_layernorm(h))
        result: TensorValue = h + self.post_feedforward_layernorm(added)
        return result
