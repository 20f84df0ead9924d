"""The Gemma decoder."""

from __future__ import annotations

from typing import TypeVar

from max.nn import Module, RMSNorm
from max.pipelines.architectures.gemma.model_config import GemmaConfig
from max.pipelines.lib.decoder import Decoder

Config = TypeVar("Config", bound=GemmaConfig)


class Gemma(Decoder[Config]):
    """A decoder whose norms multiply by their weights and one."""

    def make_rms_norm(self, config: Config, size: int) -> Module:
        """See `Decoder.make_rms_norm`."""
        assert config.rms_norm_eps is not None
        return RMSNorm(
            size,
            config.dtype,
            config.rms_norm_eps,
            config.norm_weight_offset,
            device=config.devices[0],
        )
