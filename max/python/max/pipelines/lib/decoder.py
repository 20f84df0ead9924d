"""A decoder whose parts come from methods, for families to override."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from max.nn import (
    MLP,
    Attention,
    Embedding,
    LayerNorm,
    Linear,
    Module,
    ParallelBlock,
    PlainMLP,
    PreNormBlock,
    RMSNorm,
    Rope,
)
from max.nn.attention import FlatNormAttention
from max.nn.norm import HeadLayerNorm
from max.nn.transformer import Transformer
from max.pipelines.lib.decoder_config import DecoderConfig, RopeSettings

Config = TypeVar("Config", bound=DecoderConfig)


class Decoder(Transformer, Generic[Config]):
    """A `Transformer` made of its configuration, each part by a method that a family may override.

    Unless overridden: RMS norms before attention and MLP, a gated MLP. Layers of one kind share
    their angles.

    Args:
        config: sizes and settings.
    """

    def __init__(self, config: Config) -> None:
        own = [config.layer_kind(index).rope for index in range(config.num_hidden_layers)]
        ropes = {s: None if s is None else self.make_rope(config, s) for s in dict.fromkeys(own)}
        embedding = Embedding(
            config.vocab_size, config.hidden_size, config.dtype, config.devices[0]
        )
        head = self.make_head(config)
        if config.tie_word_embeddings:
            head.set_shared_weight("weight", embedding.weight)
        super().__init__(
            dim=config.hidden_size,
            n_heads=config.num_attention_heads,
            layers=[self.make_block(config, ropes[s], index) for index, s in enumerate(own)],
            norm=self.make_norm(config),
            output=head,
            embedding=embedding,
            kv_params=config.kv_params,
            rope=ropes[own[0]] if len(ropes) == 1 else None,
            return_logits=config.return_logits,
            return_hidden_states=config.return_hidden_states,
            embedding_multiplier=config.embedding_multiplier,
            logits_scaling=config.logits_scaling,
            logits_soft_cap=config.logits_soft_cap,
        )

    def make_rope(self, config: Config, settings: RopeSettings) -> Rope:
        """The angles of one kind of layers, for all positions of a request."""
        rotary_dim, theta, interleaved, scaling = settings
        return Rope(rotary_dim, theta, config.max_seq_len, interleaved, scaling)

    def make_block(self, config: Config, rope: Rope | None, index: int) -> Module:
        """Block `index`."""
        return PreNormBlock(
            attention=self.make_attention(config, rope, index),
            mlp=self.make_mlp(config, index),
            attention_norm=self.make_norm(config),
            mlp_norm=self.make_norm(config),
            residual_multiplier=config.residual_multiplier,
        )

    def make_parallel_block(self, config: Config, rope: Rope | None, index: int) -> Module:
        """Block `index`, of which attention and MLP read the same norm."""
        attention = self.make_attention(config, rope, index)
        return ParallelBlock(attention, self.make_mlp(config, index), self.make_norm(config))

    def make_attention(self, config: Config, rope: Rope | None, index: int) -> Module:
        """The attention of block `index`."""
        return Attention(**self.attention_settings(config, rope, index))

    def make_head_norm_attention(self, config: Config, rope: Rope | None, index: int) -> Module:
        """An attention whose heads have layer norms, each of its own, for queries and keys."""
        size, eps = config.kv_params.head_dim, config.rms_norm_eps
        assert eps is not None, "config.json says the epsilon of layer norms"
        q_norm, k_norm = (
            HeadLayerNorm(heads, size, config.dtype, eps, config.devices[0])
            for heads in (config.num_attention_heads, config.num_key_value_heads)
        )
        return FlatNormAttention((q_norm, k_norm), **self.attention_settings(config, rope, index))

    def attention_settings(self, config: Config, rope: Rope | None, index: int) -> dict[str, Any]:
        """What an `Attention` of block `index` is made with, of whichever subclass."""
        return {
            "hidden_size": config.hidden_size,
            "num_attention_heads": config.num_attention_heads,
            "num_key_value_heads": config.num_key_value_heads,
            "head_dim": config.kv_params.head_dim,
            "rope": rope,
            "mask": config.layer_kind(index).mask,
            "scale": config.attention_multiplier,
            "dtype": config.dtype,
            "devices": config.devices,
            "has_bias": config.attention_bias,
            "has_output_bias": config.attention_output_bias,
        }

    def make_mlp(self, config: Config, index: int) -> Module:
        """The feed-forward layer of block `index`."""
        return MLP(
            config.dtype,
            None,
            config.hidden_size,
            config.intermediate_size,
            config.devices,
            has_bias=config.mlp_bias,
            activation_function=config.hidden_act,
        )

    def make_plain_mlp(self, config: Config, has_bias: bool) -> Module:
        """A feed-forward layer without a gate."""
        return PlainMLP(
            config.hidden_size,
            config.intermediate_size,
            config.dtype,
            config.devices,
            config.hidden_act,
            has_bias=has_bias,
        )

    def make_norm(self, config: Config) -> Module:
        """A normalization of the residual stream."""
        return self.make_rms_norm(config, config.hidden_size)

    def make_rms_norm(self, config: Config, size: int) -> Module:
        """An RMS norm of so many elements.

        Raises:
            ValueError: if config.json has no `rms_norm_eps`.
        """
        if config.rms_norm_eps is None:
            raise ValueError("config.json has no rms_norm_eps, which RMS norms need")
        return RMSNorm(
            size,
            config.dtype,
            config.rms_norm_eps,
            multiply_before_cast=False,
            device=config.devices[0],
        )

    def make_layer_norm(self, config: Config, size: int, use_bias: bool = True) -> Module:
        """A layer norm of so many elements.

        Raises:
            ValueError: if config.json does not say its epsilon.
        """
        if config.rms_norm_eps is None:
            raise ValueError("config.json has no epsilon, which layer norms need")
        return LayerNorm(size, config.devices, config.dtype, config.rms_norm_eps, use_bias)

    def make_head(self, config: Config) -> Linear:
        """What gives logits; its weight is the embedding's where they are tied."""
        return Linear(config.hidden_size, config.vocab_size, config.dtype, config.devices[0])
