"""A decoder: embedding, blocks, final norm, head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from max.graph import TensorValue
from max.nn.cached_layer import run_layer
from max.nn.kv_cache import KVCacheParamInterface, PagedCacheValues
from max.nn.module import Module
from max.nn.ragged_batch import RaggedBatch
from max.nn.rope import Rope
from max.nn.sequential import LayerList
from max.nn.transformer.logits import ReturnHiddenStates, ReturnLogits, logits_postprocess
from max.nn.unsupported import reject_unsupported


class Transformer(Module):
    """Embedding, blocks, final norm, and the head that gives logits.

    `decode` computes; the call is the documented one. A family whose layers have different angles
    gives each attention its own `Rope`, and none here; one whose embedding differs (learned
    positions) overrides `embed`.

    Args:
        dim: hidden size.
        n_heads: query heads.
        layers: the blocks, named `layers.0`, ...; ours, or such as are called as documented.
        norm: the final normalization, named `norm`.
        output: the head, named `lm_head`.
        embedding: token embedding, named `embed_tokens`.
        kv_params: sizes of the cache.
        rope: the angles that are handed to layers that do not have their own.
        return_logits: which logits to give.
        return_hidden_states: which hidden states to give beside them.
        embedding_multiplier: factor of the embeddings.
        logits_scaling: divisor of the logits.
        target_layer_ids: not supported in this release.
        logits_soft_cap: logits l become `cap * tanh(l / cap)`; 0 for l itself.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        layers: Sequence[Module],
        norm: Module,
        output: Module,
        embedding: Module,
        kv_params: KVCacheParamInterface,
        rope: Rope | None = None,
        return_logits: ReturnLogits = ReturnLogits.LAST_TOKEN,
        return_hidden_states: ReturnHiddenStates = ReturnHiddenStates.NONE,
        embedding_multiplier: float = 1.0,
        logits_scaling: float = 1.0,
        target_layer_ids: Sequence[int] | None = None,
        logits_soft_cap: float = 0.0,
    ) -> None:
        super().__init__()
        reject_unsupported("Transformer", target_layer_ids=target_layer_ids)
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
        self.logits_soft_cap = logits_soft_cap

    def decode(self, batch: RaggedBatch[Any], cache: PagedCacheValues) -> tuple[TensorValue, ...]:
        """Computes logits and writes to the cache what later steps read.

        Args:
            batch: the new tokens of all requests.
            cache: what the requests have so far.

        Returns:
            See `logits_postprocess`.
        """
        return logits_postprocess(
            self.rows(batch, cache),
            batch.row_offsets,
            batch.return_n_logits,
            self.norm,
            self.lm_head,
            self.return_logits,
            self.return_hidden_states,
            self.logits_scaling,
            self.logits_soft_cap,
            batch.adapters,
        )

    def rows(self, batch: RaggedBatch[Any], cache: PagedCacheValues) -> TensorValue:
        """What the last layer gives for each new token: [rows, dim]. Arguments as of `decode`."""
        h = self.embed(batch)
        if self.rope is not None:
            batch = replace(batch, freqs_cis=self.rope.table(h.device))
        for index, layer in enumerate(self.layers):
            h = run_layer(layer, h, cache.layer(index), batch)
        return h

    def embed(self, batch: RaggedBatch[Any]) -> TensorValue:
        """The rows that the first layer reads: [rows, dim]."""
        h: TensorValue = self.embed_tokens(batch.tokens)
        return h if self.embedding_multiplier == 1.0 else h * self.embedding_multiplier

    def __call__(
        self,
        tokens: TensorValue,
        kv_collection: PagedCacheValues,
        return_n_logits: TensorValue,
        input_row_offsets: TensorValue,
        hidden_states: TensorValue | None = None,
    ) -> tuple[TensorValue, ...]:
        """`decode` in the documented form.

        Args:
            tokens: int64 [rows], the new tokens of all requests.
            kv_collection: the cache.
            return_n_logits: see `logits_postprocess`.
            input_row_offsets: uint32 [batch + 1], each request's rows.
            hidden_states: not supported in this release.
        """
        reject_unsupported("Transformer", hidden_states=hidden_states is not None)
        batch = RaggedBatch(tokens, input_row_offsets, return_n_logits)
        return self.decode(batch, kv_collection)


def run_decoder(
    decoder: Module, batch: RaggedBatch[Any], cache: PagedCacheValues
) -> tuple[TensorValue, ...]:
    """Runs one of our decoders, or one of a package, which defines the documented call alone."""
    if isinstance(decoder, Transformer) and type(decoder).__call__ is Transformer.__call__:
        return decoder.decode(batch, cache)
    outputs: tuple[TensorValue, ...] = decoder(
        batch.tokens, cache, batch.return_n_logits, batch.row_offsets
    )
    return outputs
