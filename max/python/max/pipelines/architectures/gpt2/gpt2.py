"""The GPT-2 decoder."""

from __future__ import annotations

from typing import Any

from max.graph import TensorValue
from max.nn import Embedding, Module, RaggedBatch, Rope
from max.pipelines.architectures.gpt2.model_config import GPT2Config
from max.pipelines.lib.decoder import Decoder


class GPT2(Decoder[GPT2Config]):
    """A decoder that adds a vector for each position to the embedding.

    Further weight: `embed_positions.weight` [positions, hidden_size].
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.embed_positions = Embedding(
            config.num_positions, config.hidden_size, config.dtype, config.devices[0]
        )

    def embed(self, batch: RaggedBatch[Any]) -> TensorValue:
        """See `Transformer.embed`."""
        assert batch.positions is not None, "the batch processor hands them over"
        return super().embed(batch) + self.embed_positions(batch.positions)

    def attention_settings(
        self, config: GPT2Config, rope: Rope | None, index: int
    ) -> dict[str, Any]:
        """See `Decoder.attention_settings`."""
        settings = super().attention_settings(config, rope, index)
        if config.scales_by_layer:
            settings["scale"] = config.attention_multiplier / (index + 1)
        return settings

    def make_mlp(self, config: GPT2Config, index: int) -> Module:
        """See `Decoder.make_mlp`."""
        return self.make_plain_mlp(config, has_bias=True)

    def make_norm(self, config: GPT2Config) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)
