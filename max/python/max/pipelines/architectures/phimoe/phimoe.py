"""The Phi-3.5-MoE decoder."""

from __future__ import annotations

from max.nn import LayerNorm, Linear, Module
from max.pipelines.architectures.phimoe.model_config import PhiMoeConfig
from max.pipelines.lib.expert_layers import ExpertDecoder


class PhiMoe(ExpertDecoder[PhiMoeConfig]):
    """Experts, layer norms with biases, and a head that may have one."""

    def make_norm(self, config: PhiMoeConfig) -> Module:
        """See `Decoder.make_norm`."""
        assert config.rms_norm_eps is not None
        return LayerNorm(config.hidden_size, config.devices, config.dtype, config.rms_norm_eps)

    def make_head(self, config: PhiMoeConfig) -> Linear:
        """See `Decoder.make_head`."""
        device = config.devices[0]
        return Linear(
            config.hidden_size, config.vocab_size, config.dtype, device, config.has_head_bias
        )
