"""A decoder of transformer blocks."""

from __future__ import annotations

from collections.abc import Sequence

from max.graph import TensorValue
from max.nn.kv_cache import KVCacheParams, PagedCacheValues
from max.nn.module import Module
from max.nn.rotary_embedding import RotaryEmbedding
from max.nn.sequential import LayerList
from max.nn.transformer.logits import ReturnHiddenStates, ReturnLogits, logits_postprocess


class Transformer(Module):
    """Embedding, blocks, final norm, and the head that gives logits.

    Args:
        dim: hidden size.
        n_heads: query heads.
        layers: the blocks, named `layers.0`, ...
        norm: the final normalization, named `norm`.
        output: the head, named `lm_head`.
        embedding: token embedding, named `embed_tokens`.
        kv_params: sizes of the cache.
        rope: the angles that all blocks share.
        return_logits: which logits to give.
        return_hidden_states: which hidden states to give beside them.
        embedding_multiplier: factor of the embeddings.
        logits_scaling: divisor of the logits.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        layers: Sequence[Module],
        norm: Module,
        output: Module,
        embedding: Module,
        kv_params: KVCacheParams,
        rope: RotaryEmbedding,
        return_logits: ReturnLogits = ReturnLogits.LAST_TOKEN,
        return_hidden_states: ReturnHiddenStates = ReturnHiddenStates.NONE,
        embedding_multiplier: float = 1.0,
        logits_scaling: float = 1.0,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.n_heads = n_heads
        self.embed_tokens = embedding
        self.layers = LayerList(layers)
        self.norm = norm
        self.lm_head = output
        self.kv_params = kv_params
        self.rope = rope
        self.return_logits = return_logits
        self.return_hidden_states = return_hidden_states
        self.embedding_multiplier = embedding_multiplier
        self.logits_scaling = logits_scaling

    def __call__(
        self,
        tokens: TensorValue,
        kv_collection: PagedCacheValues,
        return_n_logits: TensorValue,
        input_row_offsets: TensorValue,
    ) -> tuple[TensorValue, ...]:
        """Computes logits and writes the tokens' keys and values to the cache.

        Args:
            tokens: int64 [rows], the new tokens of all requests.
            kv_collection: the cache.
            return_n_logits: see `logits_postprocess`.
            input_row_offsets: uint32 [batch + 1], each request's rows.

        Returns:
            See `logits_postprocess`.
        """
        h = self.embed_tokens(tokens)
        if self.embedding_multiplier != 1.0:
            h = h * self.embedding_multiplier
        freqs_cis = self.rope.freqs_cis
        for index, layer in enumerate(self.layers):
            h = layer(index, h, kv_collection, freqs_cis, input_row_offsets)
        return logits_postprocess(
            h,
            input_row_offsets,
            return_n_logits,
            self.norm,
            self.lm_head,
            self.return_logits,
            self.return_hidden_states,
            self.logits_scaling,
        )
