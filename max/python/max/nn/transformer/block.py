"""One layer of a decoder."""

from __future__ import annotations

from max.graph import TensorValue
from max.nn.kv_cache import PagedCacheValues
from max.nn.module import Module


class TransformerBlock(Module):
    """`h = x + attention(norm(x)); h + mlp(norm(h))`.

    Args:
        attention: called as `AttentionWithRope`.
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

    def __call__(
        self,
        layer_idx: int | TensorValue,
        x: TensorValue,
        kv_collection: PagedCacheValues,
        freqs_cis: TensorValue,
        input_row_offsets: TensorValue,
    ) -> TensorValue:
        """x: [rows, hidden] -> [rows, hidden]; see `AttentionWithRope.__call__`."""
        attended = self.self_attn(
            layer_idx, self.input_layernorm(x), kv_collection, freqs_cis, input_row_offsets
        )
        h = x + self._scaled(attended)
        return h + self._scaled(self.mlp(self.post_attention_layernorm(h)))

    def _scaled(self, x: TensorValue) -> TensorValue:
        return x if self.residual_multiplier == 1.0 else x * self.residual_multiplier
