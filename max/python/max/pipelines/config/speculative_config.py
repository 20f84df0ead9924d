"""Options of speculative decoding."""

from __future__ import annotations

from max.pipelines.config.base import ConfigModel


class SpeculativeConfig(ConfigModel):
    """How draft tokens are proposed and accepted."""
