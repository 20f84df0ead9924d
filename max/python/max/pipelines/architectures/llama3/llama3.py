"""The Llama decoder, made of the layers of `max.nn`."""

from __future__ import annotations

from max.nn import (
    MLP,
    AttentionWithRope,
    Embedding,
    Linear,
    MHAMaskVariant,
    Module,
    RMSNorm,
    Rope,
    Transformer,
    TransformerBlock,
)
from max.pipelines.architectures.llama3.model_config import Llama3Config


class Llama3(Transformer):
    """The decoder of a Llama model. Its parts come from methods that a variant may override.

    Args:
        config: sizes and settings.
    """

    def __init__(self, config: Llama3Config) -> None:
        rope = self.make_rope(config)
        embedding = Embedding(
            config.vocab_size, config.hidden_size, config.dtype, config.devices[0]
        )
        lm_head = Linear(config.hidden_size, config.vocab_size, config.dtype, config.devices[0])
        if config.tie_word_embeddings:
            lm_head.set_shared_weight("weight", embedding.weight)
        super().__init__(
            dim=config.hidden_size,
            n_heads=config.num_attention_heads,
            layers=[
                self.make_block(config, rope, index) for index in range(config.num_hidden_layers)
            ],
            norm=self.make_norm(config),
            output=lm_head,
            embedding=embedding,
            kv_params=config.kv_params,
            rope=rope,
            return_logits=config.return_logits,
            return_hidden_states=config.return_hidden_states,
            embedding_multiplier=config.embedding_multiplier,
            logits_scaling=config.logits_scaling,
        )

    def make_rope(self, config: Llama3Config) -> Rope:
        """The rotary angles."""
        return Rope(
            config.kv_params.head_dim,
            config.rope_theta,
            config.max_seq_len,
            config.interleaved_rope_weights,
            config.rope_scaling_params,
        )

    def make_block(self, config: Llama3Config, rope: Rope, index: int) -> Module:
        """Block `index`."""
        return TransformerBlock(
            attention=self.make_attention(config, rope, index),
            mlp=MLP(
                config.dtype,
                None,
                config.hidden_size,
                config.intermediate_size,
                config.devices,
                has_bias=config.mlp_bias,
                activation_function=config.hidden_act,
            ),
            attention_norm=self.make_norm(config),
            mlp_norm=self.make_norm(config),
            residual_multiplier=config.residual_multiplier,
        )

    def make_attention(self, config: Llama3Config, rope: Rope, index: int) -> Module:
        """The attention of block `index`."""
        windowed = config.sliding_window is not None
        return AttentionWithRope(
            rope=rope,
            num_attention_heads=config.num_attention_heads,
            num_key_value_heads=config.num_key_value_heads,
            hidden_size=config.hidden_size,
            kv_params=config.kv_params,
            devices=config.devices,
            dtype=config.dtype,
            stacked_qkv=config.stacked_qkv,
            scale=config.attention_multiplier,
            has_bias=config.attention_bias,
            has_output_bias=config.attention_output_bias,
            clip_qkv=config.clip_qkv,
            use_qk_norm=config.use_qk_norm,
            rms_norm_eps=config.rms_norm_eps,
            mask_variant=(
                MHAMaskVariant.SLIDING_WINDOW_CAUSAL_MASK
                if windowed
                else MHAMaskVariant.CAUSAL_MASK
            ),
            sliding_window=config.sliding_window,
        )

    def make_norm(self, config: Llama3Config) -> Module:
        """A normalization of the residual stream."""
        return RMSNorm(
            config.hidden_size,
            config.dtype,
            config.rms_norm_eps,
            multiply_before_cast=False,
            device=config.devices[0],
        )
