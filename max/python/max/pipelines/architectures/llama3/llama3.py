"""The Llama decoder, made of the layers of `max.nn`."""

from __future__ import annotations

from max.nn import AttentionWithRope, ConstantLayerNorm, MHAMaskVariant, Module, Rope
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.lib.decoder import Decoder

_WINDOWED = MHAMaskVariant.SLIDING_WINDOW_CAUSAL_MASK


class Llama3(Decoder[Llama3Config]):
    """The decoder of a Llama model, and of models that `Llama3Config` can describe."""

    def __init__(self, config: Llama3Config) -> None:
        config.settle()
        super().__init__(config)

    def make_attention(self, config: Llama3Config, rope: Rope | None, index: int) -> Module:
        """The attention of block `index`."""
        settings = self.attention_settings(config, rope, index)
        mask, _ = settings.pop("mask"), settings.pop("head_dim")
        return AttentionWithRope(
            **settings,
            kv_params=config.kv_params,
            mask_variant=_WINDOWED if mask.window else MHAMaskVariant.CAUSAL_MASK,
            sliding_window=mask.window,
            stacked_qkv=config.stacked_qkv,
            clip_qkv=config.clip_qkv,
            use_qk_norm=config.use_qk_norm,
            rms_norm_eps=config.rms_norm_eps or 1e-6,
        )

    def make_norm(self, config: Llama3Config) -> Module:
        """A normalization of the residual stream, of the kind that `norm_method` says."""
        if config.norm_method == "layer_norm":
            return ConstantLayerNorm(config.hidden_size, eps=config.rms_norm_eps or 1e-5)
        return super().make_norm(config)
