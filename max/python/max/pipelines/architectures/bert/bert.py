"""The BERT encoder (Devlin et al., 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np

from max.dtype import DType
from max.graph import TensorValue, ops
from max.nn import Attention, Embedding, LayerNorm, Mask, Module, PlainMLP, RaggedBatch
from max.nn.cached_layer import CachedLayer, run_layer
from max.nn.kv_cache import CacheLayer
from max.pipelines.architectures.bert.model_config import BertConfig
from max.pipelines.lib.embed.encoder import Encoder
from max.pipelines.lib.embed.encoder_config import EncoderConfig

EVERY_TOKEN = Mask(causal=False)


class BertBlock(CachedLayer):
    """`h = attention_norm(x + self_attn(x)); mlp_norm(h + mlp(h))`.

    Args:
        config: sizes and settings.
        mask: what the scores of its attention get; nothing unless given.
    """

    def __init__(self, config: EncoderConfig, mask: Mask = EVERY_TOKEN) -> None:
        super().__init__()
        self.self_attn = Attention(
            hidden_size=config.hidden_size,
            num_attention_heads=config.num_attention_heads,
            num_key_value_heads=config.num_attention_heads,
            head_dim=config.head_dim,
            mask=mask,
            dtype=config.dtype,
            devices=config.devices,
            has_bias=True,
            has_output_bias=True,
        )
        self.attention_norm = make_norm(config)
        self.mlp = PlainMLP(
            config.hidden_size,
            config.intermediate_size,
            config.dtype,
            config.devices,
            config.hidden_act,
            has_bias=True,
        )
        self.mlp_norm = make_norm(config)

    def forward(self, x: TensorValue, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """See `CachedLayer.forward`."""
        h = self.attention_norm(x + run_layer(self.self_attn, x, layer, batch))
        result: TensorValue = self.mlp_norm(h + self.mlp(h))
        return result


class Bert(Encoder):
    """Blocks over the normalized sum of a token's, its position's and the first kind's rows.

    Args:
        config: sizes and settings.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__([BertBlock(config) for _ in range(config.num_hidden_layers)])
        self.embed_tokens = make_table(config, config.vocab_size)
        self.embed_positions = make_table(config, config.num_positions)
        self.embed_types = make_table(config, config.num_types)
        self.embed_norm = make_norm(config)

    def embed(self, batch: RaggedBatch[Any]) -> TensorValue:
        """See `Encoder.embed`."""
        assert batch.positions is not None
        first = ops.constant(np.zeros(1, np.int64), DType.int64, device=batch.tokens.device)
        h = self.embed_tokens(batch.tokens) + self.embed_types(first)
        result: TensorValue = self.embed_norm(h + self.embed_positions(batch.positions))
        return result


def make_table(config: EncoderConfig, rows: int) -> Module:
    """A table of vectors."""
    return Embedding(rows, config.hidden_size, config.dtype, config.devices[0])


def make_norm(config: EncoderConfig) -> Module:
    """A normalization of rows."""
    return LayerNorm(config.hidden_size, config.devices, config.dtype, config.norm_eps)
