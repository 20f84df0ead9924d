"""The gpt-oss decoder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from max.graph import Weight
from max.nn import Attention, Mask, Module, Rope
from max.pipelines.architectures.gpt_oss.model_config import GptOssConfig
from max.pipelines.lib.expert_layers import ExpertDecoder


class SinkAttention(Attention):
    """Attention with a learned sink for each head. Weights: those of `Attention`, `sinks` [heads].

    Args:
        mask: which positions a query sees.
        settings: of `Attention`.
    """

    def __init__(self, mask: Mask, **settings: Any) -> None:
        super().__init__(mask=mask, **settings)
        self.sinks = Weight("sinks", settings["dtype"], [self.n_heads], settings["devices"][0])
        self.mask = replace(mask, sinks=self.sinks)


class GptOss(ExpertDecoder[GptOssConfig]):
    """Experts, and attention with sinks."""

    def make_attention(self, config: GptOssConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        return SinkAttention(**self.attention_settings(config, rope, index))
