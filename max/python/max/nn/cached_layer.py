"""Layers that read and write the cache: attention, and the blocks around it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from max.graph import TensorValue
from max.nn.kv_cache import CacheLayer, PagedCacheValues, static_layer_index
from max.nn.module import Module
from max.nn.ragged_batch import RaggedBatch


class CachedLayer(Module):
    """A layer over the rows of a batch and one layer of the cache.

    Subclasses define `forward`; the call is the documented one, for packages that compose layers
    by hand.
    """

    @abstractmethod
    def forward(self, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """Computes the layer and writes what later steps read of it.

        Args:
            x: [rows, hidden_size].
            layer: where the cache keeps this layer's entries.
            batch: which rows are whose.

        Returns:
            [rows, hidden_size].
        """

    def __call__(
        self,
        layer_idx: int | TensorValue,
        x: TensorValue,
        kv_collection: PagedCacheValues,
        freqs_cis: TensorValue,
        input_row_offsets: TensorValue,
    ) -> TensorValue:
        """`forward` in the documented form.

        Args:
            layer_idx: which layer of the cache.
            x: [rows, hidden_size].
            kv_collection: the cache.
            freqs_cis: angles, from `RotaryEmbedding.freqs_cis`.
            input_row_offsets: uint32 [batch + 1], each request's rows.
        """
        layer = kv_collection.layer(static_layer_index(layer_idx))
        return self.forward(x, layer, RaggedBatch.of_rows(input_row_offsets, freqs_cis))


def run_layer(
    module: Module, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]
) -> TensorValue:
    """Runs one of our layers, or one of a package, which defines the documented call alone."""
    if isinstance(module, CachedLayer) and type(module).__call__ is CachedLayer.__call__:
        return module.forward(x, layer, batch)
    result: TensorValue = module(layer.index, x, layer.values, batch.freqs_cis, batch.row_offsets)
    return result
