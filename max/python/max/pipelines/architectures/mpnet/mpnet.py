"""The MPNet encoder (Song et al., 2020)."""

from __future__ import annotations

from typing import Any

from max.dtype import DType
from max.graph import TensorValue, Weight
from max.nn import Mask, RaggedBatch
from max.pipelines.architectures.bert.bert import BertBlock, make_norm, make_table
from max.pipelines.architectures.mpnet.buckets import SPAN
from max.pipelines.architectures.mpnet.model_config import MPNetConfig
from max.pipelines.lib.embed.encoder import Encoder


class MPNet(Encoder):
    """BERT's blocks, all with the same biases of distances.

    Weights beside the layers': `distance_bias` [heads, 2 * SPAN + 1].

    Args:
        config: sizes and settings.
    """

    def __init__(self, config: MPNetConfig) -> None:
        shape = [config.num_attention_heads, 2 * SPAN + 1]
        bias = Weight("distance_bias", DType.float32, shape, config.devices[0])
        mask = Mask(causal=False, bias=bias)
        super().__init__([BertBlock(config, mask) for _ in range(config.num_hidden_layers)])
        self.distance_bias = bias
        self.embed_tokens = make_table(config, config.vocab_size)
        self.embed_positions = make_table(config, config.num_positions)
        self.embed_norm = make_norm(config)

    def embed(self, batch: RaggedBatch[Any]) -> TensorValue:
        """See `Encoder.embed`."""
        h = self.embed_tokens(batch.tokens) + self.embed_positions(batch.positions)
        result: TensorValue = self.embed_norm(h)
        return result
