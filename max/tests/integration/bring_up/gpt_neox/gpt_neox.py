"""The GPT-NeoX decoder."""

from __future__ import annotations

from max.nn import Module, ParallelBlock, PlainMLP, PreNormBlock, Rope
from max.pipelines.lib.decoder import Decoder

from .model_config import GptNeoXConfig


class GptNeoX(Decoder[GptNeoXConfig]):
    """Layer norms, a plain MLP, biases everywhere but in the head."""

    def make_block(self, config: GptNeoXConfig, rope: Rope | None, index: int) -> Module:
        """Side by side, or one after the other (`use_parallel_residual`)."""
        attention, mlp = self.make_attention(config, rope, index), self.make_mlp(config, index)
        norms = self.make_norm(config), self.make_norm(config)
        if config.use_parallel_residual:
            return ParallelBlock(attention, mlp, *norms)
        return PreNormBlock(attention, mlp, *norms)

    def make_mlp(self, config: GptNeoXConfig, index: int) -> Module:
        """An MLP without a gate."""
        return PlainMLP(
            config.hidden_size,
            config.intermediate_size,
            config.dtype,
            config.devices,
            config.hidden_act,
            has_bias=True,
        )

    def make_norm(self, config: GptNeoXConfig) -> Module:
        """A layer norm with a bias."""
        return self.make_layer_norm(config, config.hidden_size)
