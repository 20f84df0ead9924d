"""Encoders: every token of a text sees every other one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from max.graph import Graph, TensorValue
from max.nn import Module, RaggedBatch
from max.nn.cached_layer import run_layer
from max.nn.kv_cache import PagedCacheValues
from max.nn.sequential import LayerList
from max.nn.transformer import Transformer
from max.pipelines.lib.decoder_model import DecoderModel


class Encoder(Module):
    """Blocks over the rows that `embed` gives; a row's vector is what the last one gives.

    Args:
        layers: the blocks, named `layers.0`, ...
    """

    def __init__(self, layers: Sequence[Module]) -> None:
        super().__init__()
        self.layers = LayerList(layers)

    @abstractmethod
    def embed(self, batch: RaggedBatch[Any]) -> TensorValue:
        """The rows that the first layer reads: [rows, hidden_size]."""

    def finish(self, h: TensorValue) -> TensorValue:
        """What is done to the rows of the last layer."""
        return h

    def __call__(self, batch: RaggedBatch[Any], cache: PagedCacheValues) -> TensorValue:
        """The vectors of whole texts: [rows, hidden_size].

        Args:
            batch: all tokens of the texts, and their positions.
            cache: one layer, where each block puts its keys and values in turn.
        """
        h = self.embed(batch)
        for layer in self.layers:
            h = run_layer(layer, h, cache.layer(0), batch)
        return self.finish(h)


class EncoderModel(DecoderModel):
    """The pipeline model of an encoder. A family sets `model_config_cls` and `decoder_cls`."""

    def build_graph(self, decoder: Module) -> Graph:
        """The graph, from texts to the vectors of their tokens."""
        with Graph(self.huggingface_config.model_type, input_types=self.graph_inputs()) as graph:
            batch, flat = self._processor().unflatten(graph.inputs)
            (cache,) = self._unflatten_kv_inputs(flat)
            graph.output(decoder(batch, cache))
        return graph


class DecoderRows(Transformer):
    """A decoder that gives its last layer's rows, normalized, instead of logits.

    For a class of both: `class Qwen3Rows(DecoderRows, Qwen3)`.
    """

    def decode(self, batch: RaggedBatch[Any], cache: PagedCacheValues) -> tuple[TensorValue, ...]:
        """[rows, hidden_size], as the only output."""
        return (self.norm(self.rows(batch, cache)),)
