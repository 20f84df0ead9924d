"""The Ministral 3 decoder."""

from __future__ import annotations

from typing import Any

import torch

from max.driver import Buffer
from max.graph import TensorValue, ops
from max.nn import Attention, Module, RaggedBatch, Rope
from max.nn.attention import QKV
from max.nn.kv_cache import CacheLayer
from max.pipelines.architectures.ministral3.model_config import Ministral3Config
from max.pipelines.lib.decoder import Decoder


class GrowingQueries(Attention):
    """Queries are multiplied by a factor of their positions, as in Llama 4.

    Args:
        factors: [positions, 1] of the model's dtype.
        settings: of `Attention`.
    """

    def __init__(self, factors: Buffer, **settings: Any) -> None:
        super().__init__(**settings)
        self.factors = factors

    def attend(self, qkv: QKV, layer: CacheLayer, batch: RaggedBatch[Any]) -> TensorValue:
        """See `Attention.attend`."""
        assert batch.positions is not None, "the batch processor hands them over"
        table = ops.constant(self.factors, device=qkv.q.device)
        factors = ops.gather(table, batch.positions, axis=0)
        return super().attend(qkv._replace(q=qkv.q * factors), layer, batch)


class Ministral3(Decoder[Ministral3Config]):
    """A decoder whose queries grow with their positions."""

    def __init__(self, config: Ministral3Config) -> None:
        steps = torch.arange(config.max_seq_len) // config.original_context
        factors = 1 + config.query_growth * torch.log(1 + steps.float())
        device = config.devices[0].to_torch()
        self._factors = Buffer(factors[:, None].to(device, config.dtype.to_torch()))
        super().__init__(config)

    def make_attention(self, config: Ministral3Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        return GrowingQueries(self._factors, **self.attention_settings(config, rope, index))
