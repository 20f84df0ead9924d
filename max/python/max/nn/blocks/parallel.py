"""The block of GPT-J, Phi, Falcon and Cohere."""

from __future__ import annotations

from typing import Any

from max.graph import TensorValue
from max.nn.cached_layer import CachedLayer, run_layer
from max.nn.kv_cache import CacheLayer
from max.nn.module import Module
from max.nn.ragged_batch import RaggedBatch


class ParallelBlock(CachedLayer):
    """`x + attention(norm(x)) + mlp(norm(x))`.

    Args:
        attention: an `Attention`, or a layer that is called as documented.
        mlp: [rows, hidden] -> [rows, hidden].
        norm: before both, or before the attention alone; named `input_layernorm`.
        mlp_norm: before the mlp, where it has a norm of its own; named `mlp_norm`.
    """

    def __init__(
        self, attention: Module, mlp: Module, norm: Module, mlp_norm: Module | None = None
    ) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.input_layernorm = norm
        self.mlp_norm = mlp_norm

    def forward(self, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """See `CachedLayer.forward`."""
        normed = self.input_layernorm(x)
        fed = normed if self.mlp_norm is None else self.mlp_norm(x)
        attended = run_layer(self.self_attn, normed, layer, batch)
        result: TensorValue = x + attended + self.mlp(fed)
        return result
